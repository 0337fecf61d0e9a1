"""Declarations: class annotations become the spec that everything else reads."""
import re
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.check import UnusablePlugin
from penstock.dsl.options import KINDS as READINGS
from penstock.dsl.reference import FieldRef
from penstock.dsl.spec import REQUIRED, Kind
from penstock.dsl.template import Template
from penstock.plugins.contract import (
    Codec,
    Context,
    Ecs,
    Filter,
    Input,
    OptionProblem,
    Output,
    Plugin,
)
from penstock.plugins.declaration import KINDS, Bytes, Duration, Mode, Secret, Uri, option


class Sample(Ecs, Filter, name="sample"):
    """Does nothing.

    In two paragraphs.
    """

    must: str = option("Has to be given.")
    flag: bool = option("A flag.", default=False)
    whole: int = option("A whole number.", default=3, at_least=1)
    number: float = option("A number.", default=0.5)
    either: int | float = option("Any number.", default=1)
    maybe: str | None = option("May be nothing.", default=None)
    field: FieldRef = option("A field.", default=FieldRef("message"))
    text: Template = option("A text with places.", default=Template(""))
    file: Path | None = option("A file.", default=None)
    size: Bytes = option("A size.", default=1024)
    mode: Mode = option("A mode.", default=-1)
    span: Duration = option("A time span.", default=60.0)
    secret: Secret | None = option("A secret.", default=None)
    uri: Uri | None = option("A URI.", default=None)
    pattern: re.Pattern[str] | None = option("A pattern.", default=None)
    names: list[str] = option("Names.", default=[])
    fields: list[FieldRef] = option("Fields.", default=[])
    pairs: dict[str, int] = option("Pairs.", default={})
    word: str = option("One of two.", default="left", choices=("left", "right"))
    old: str | None = option("Old.", default=None, deprecated="use new")
    gone: str | None = option("Gone.", default=None, obsolete="use new")

    def apply(self, event: dict[str, Any]) -> bool:
        return True


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("must", Kind("text")),
        ("flag", Kind("boolean")),
        ("whole", Kind("integer")),
        ("number", Kind("number")),
        ("either", Kind("number")),
        ("maybe", Kind("text")),
        ("field", Kind("field")),
        ("text", Kind("template")),
        ("file", Kind("path")),
        ("size", Kind("bytes")),
        ("mode", Kind("mode")),
        ("span", Kind("duration")),
        ("secret", Kind("password")),
        ("uri", Kind("uri")),
        ("pattern", Kind("regex")),
        ("names", Kind("list", Kind("text"))),
        ("fields", Kind("list", Kind("field"))),
        ("pairs", Kind("hash", Kind("integer"))),
        ("add_field", Kind("hash", Kind("any"))),
    ],
)
def test_the_annotation_says_the_kind(name: str, kind: Kind) -> None:
    assert Sample.spec.options[name].kind == kind


def test_every_kind_of_a_declaration_can_be_read() -> None:
    assert set(KINDS.values()) <= set(READINGS)


def test_what_was_declared_is_in_the_spec() -> None:
    options = Sample.spec.options
    assert options["must"].default is REQUIRED
    assert options["must"].required
    assert not options["flag"].required
    assert options["whole"].at_least == 1
    assert options["word"].choices == ("left", "right")
    assert options["old"].deprecated == "use new"
    assert options["gone"].obsolete == "use new"
    assert options["add_tag"].common
    assert not options["must"].common
    assert Sample.spec.doc == "Does nothing.\n\nIn two paragraphs."


def test_common_options_come_from_the_bases() -> None:
    assert {"id", "enable_metric", "add_field", "remove_tag", "ecs_compatibility", "periodic_flush"} <= set(Sample.spec.options)


def test_a_plugin_has_its_options_as_attributes_typed_and_with_defaults() -> None:
    made = Sample({"must": "x", "whole": 5})
    assert (made.must, made.whole, made.number, made.names) == ("x", 5, 0.5, [])
    assert made.given == {"must", "whole"}


def test_defaults_are_not_shared() -> None:
    first, second = Sample({"must": "x"}), Sample({"must": "x"})
    first.names.append("a")
    first.pairs["a"] = 1
    assert second.names == []
    assert second.pairs == {}


def test_an_annotation_that_means_no_kind_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="is not a known option type"):

        class Odd(Filter, name="odd"):
            """Odd."""

            what: complex = option("No.", default=0)


@pytest.mark.parametrize(("given", "pipeline", "ecs"), [(None, "v8", True), (None, "disabled", False), ("v1", "disabled", True), ("disabled", "v8", False)])
def test_ecs_is_the_options_or_the_pipelines(given: str | None, pipeline: str, ecs: bool) -> None:
    context = Context({"pipeline.ecs_compatibility": pipeline})
    assert Sample({"must": "x", "ecs_compatibility": given} if given else {"must": "x"}, context).ecs is ecs


def test_problems_are_collected() -> None:
    made = Sample({"must": "x"})
    made.problem("must", "bad", "mend it", path=(0,), code="W305")
    (problem,) = made.context.problems
    assert (problem.option, problem.message, problem.help, problem.path, problem.code) == ("must", "bad", "mend it", (0,), "W305")
    assert OptionProblem("a", "b").code == "E220"


def test_an_event_that_makes_a_filter_raise_is_tagged_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    made = Sample({"must": "x"}, Context({}, "some.conf:7:3"))
    event: dict[str, Any] = {}
    made.failed(event, ValueError("odd"))
    made.failed(event, ValueError("odd again"))
    assert event["tags"] == ["_sample_exception"]
    assert event["@metadata"]["exception"] == {"filter": "sample", "place": "some.conf:7:3", "reason": "ValueError: odd again"}
    assert [record.getMessage() for record in caplog.records] == ["some.conf:7:3: the filter sample raised on an event: ValueError: odd"]


@pytest.mark.parametrize("root", [Filter, Input, Output, Codec])
def test_the_roots_themselves_are_no_plugins(root: type[Plugin]) -> None:
    assert "spec" not in vars(root)


def test_an_unusable_plugin_has_a_help_text() -> None:
    assert UnusablePlugin("why", "what to do").help == "what to do"
