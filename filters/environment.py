"""The filter environment: variables of the environment as metadata."""

from __future__ import annotations

import os

from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._references import set_each


class Environment(Filter, name="environment"):
    """Put variables of the environment into `@metadata`.

    The variables are read when the pipeline starts; one that is not set is null. Where a value is
    wanted once, in an option, `${NAME}` in the configuration is simpler.
    """

    add_metadata_from_env: dict[str, str] = option(
        "Fields of `@metadata`, with the variables for them.", default={}
    )

    examples = (
        Example(
            "a variable that is not set",
            'environment { add_metadata_from_env => { "region" => "PENSTOCK_EXAMPLE_UNSET" } }',
            before={"message": "x"},
            after={"message": "x", "@metadata": {"region": None}},
        ),
        Example(
            "a variable in a field",
            """environment {
  add_metadata_from_env => { "home" => "HOME" }
  add_field => { "same" => "%{[@metadata][home]}" }
  remove_field => ["same", "[@metadata][home]"]
}""",
            before={"message": "x"},
            after={"message": "x"},
        ),
    )

    def prepare(self) -> None:
        self._values: list[tuple[FieldRef, str | None]] = []
        for name, variable in self.add_metadata_from_env.items():
            below = name if name.startswith("[") else f"[{name}]"
            try:
                self._values.append((FieldRef(f"[@metadata]{below}"), os.environ.get(variable)))
            except ReferenceSyntaxError as error:
                self.problem("add_metadata_from_env", str(error), path=(name,), code="E207")

    def apply(self, event: Event) -> bool:
        set_each(event, self._values)
        return True
