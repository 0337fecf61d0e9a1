"""The filter uuid: a random id."""

from __future__ import annotations

from uuid import uuid4

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option


class Uuid(Filter, name="uuid"):
    """Set a field to a random UUID (version 4), unless it holds something.

    For an id that is the same when the same event comes again, use the filter fingerprint.
    """

    target: FieldRef = option("The field to set.")
    overwrite: bool = option("Whether to replace what the field holds.", default=False)

    examples = (
        Example(
            "a field that holds something stays",
            'uuid { target => "id" add_tag => ["seen"] }',
            before={"id": "mine"},
            after={"id": "mine", "tags": ["seen"]},
        ),
        Example(
            "an id for the time in the pipeline",
            'uuid { target => "[@metadata][id]" } if [@metadata][id] { mutate { remove_field =>'
            ' ["@metadata"] } }',
            before={"message": "x"},
            after={"message": "x"},
        ),
    )

    def apply(self, event: Event) -> bool:
        held = self.target.get(event)
        if self.overwrite or held is None or held is False:
            self.target.set(event, str(uuid4()))
        return True
