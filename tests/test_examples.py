"""Every example of every plugin does what its page says."""
from typing import Any

import pytest

import penstock
from penstock.pipeline.commands.plugin_reference import plugins
from penstock.plugins.contract import Filter, Plugin
from penstock.plugins.declaration import Example

EXAMPLES = [
    pytest.param(cls, example, id=f"{cls.spec.section} {cls.spec.name}: {example.title}") for cls in plugins() for example in cls.examples
]


def listed(events: Any) -> list[dict[str, Any]]:
    return events if isinstance(events, list) else [events]


@pytest.mark.parametrize(("cls", "example"), EXAMPLES)
def test_an_example_gives_what_it_shows(cls: type[Plugin], example: Example) -> None:
    assert cls.spec.section == "filter", "so far only filters have examples that can be run"
    stage = penstock.compile(f"filter {{ {example.config} }}", example.settings)
    given, wanted = listed(example.before), listed(example.after)
    events = [*stage(given), *stage.flush()]
    assert len(events) == len(wanted)
    for event, like in zip(events, wanted, strict=True):
        left_out = {"@timestamp", "@version"} - like.keys()
        assert {key: value for key, value in event.items() if key not in left_out} == like


@pytest.mark.parametrize("cls", list(plugins("filter")), ids=lambda cls: cls.spec.name)
def test_every_filter_has_two_examples_at_least(cls: type[Filter]) -> None:
    assert len(cls.examples) >= 2


@pytest.mark.parametrize("cls", list(plugins()), ids=lambda cls: f"{cls.spec.section}-{cls.spec.name}")
def test_every_plugin_and_option_is_described(cls: type[Plugin]) -> None:
    first = cls.spec.doc.split("\n\n")[0]
    assert first.endswith(".")
    assert all(option.doc for option in cls.spec.options.values())
