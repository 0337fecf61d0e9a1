"""Conditions as text, laid out on one line, or in the parts that lines may be broken between."""

from __future__ import annotations

from . import tree


def joined(condition: tree.Condition) -> list[str]:
    """The operands of ``and`` and ``or`` at the top, each but the first with its operator."""
    if isinstance(condition, tree.Binary) and condition.operator in ("and", "or"):
        first, *others = joined(condition.right)
        return [*joined(condition.left), f"{condition.operator} {first}", *others]
    return [condition_text(condition)]


def condition_text(node: tree.Condition) -> str:
    """A condition on one line."""
    if isinstance(node, tree.Group):
        return f"({condition_text(node.inner)})"
    if isinstance(node, tree.Unary):
        return (
            f"{node.operator}{' ' if node.operator == 'not' else ''}{condition_text(node.operand)}"
        )
    if isinstance(node, tree.Binary):
        return f"{condition_text(node.left)} {node.operator} {condition_text(node.right)}"
    if isinstance(node, tree.Call):
        return f"{node.name}({', '.join(map(condition_text, node.arguments))})"
    if isinstance(node, tree.Array):
        items = [condition_text(item) for item in node.items]  # type: ignore[arg-type]
        return f"[{', '.join(items)}]"
    return node.span.text
