"""Groups of options that several plugins have: a class to be mixed in before the plugin's own
base.
"""

from __future__ import annotations

from typing import Any, TypeVar

from .declaration import Option

C = TypeVar("C", bound=type)


def option_group(cls: C) -> C:
    """Make a class, with options declared as a plugin declares them, one that is mixed into
    plugins.

    What is declared is noted as a plugin's is, so that a plugin finds values in the place of
    declarations.
    """
    group: Any = cls
    group._declared = {key: value for key, value in vars(cls).items() if isinstance(value, Option)}
    for key in group._declared:
        delattr(cls, key)
    return cls
