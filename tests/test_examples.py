"""Every example of every plugin does what its page says, in whatever thread or process it runs."""
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import penstock
from penstock.pipeline.commands.plugin_reference import plugins
from penstock.pipeline.compile.stage import Stage
from penstock.pipeline.testing.examples import check_example
from penstock.plugins.contract import Filter, Plugin
from penstock.plugins.declaration import Example
from penstock.testing import check_examples

EXAMPLES = [
    pytest.param(cls, example, id=f"{cls.spec.section} {cls.spec.name}: {example.title}") for cls in plugins() for example in cls.examples
]


Events = list[dict[str, Any]]


def compiled(example: Example) -> Stage:
    return penstock.compile(f"filter {{ {example.config} }}", example.settings)


def given_by(stage: Stage, example: Example) -> Events:
    before = example.before if isinstance(example.before, list) else [example.before]
    return [*stage(before), *stage.flush()]


def in_a_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def in_a_child(work: Callable[[], Any]) -> Any:
    """What the work gives in a process forked from this one, as workers are."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=lambda: there.send(work()))
    child.start()
    there.close()
    try:
        return here.recv()
    finally:
        child.join()
        here.close()


def in_the_main_thread(example: Example) -> Events:
    return given_by(compiled(example), example)


def in_another_thread(example: Example) -> Events:
    return in_a_thread(lambda: given_by(compiled(example), example))


def in_another_thread_than_compiled(example: Example) -> Events:
    stage = compiled(example)
    return in_a_thread(lambda: given_by(stage, example))


def in_the_main_thread_compiled_in_another(example: Example) -> Events:
    return given_by(in_a_thread(lambda: compiled(example)), example)


def in_a_worker_process(example: Example) -> Events:
    stage = compiled(example)
    return in_a_child(lambda: given_by(stage, example))


RUNS = [
    in_the_main_thread,
    in_another_thread,
    in_another_thread_than_compiled,
    in_the_main_thread_compiled_in_another,
    in_a_worker_process,
]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
@pytest.mark.parametrize(("cls", "example"), EXAMPLES)
def test_an_example_gives_what_it_shows(cls: type[Plugin], example: Example, run: Callable[[Example], Events]) -> None:
    assert cls.spec.section == "filter", "so far only filters have examples that can be run"
    check_example(example, run(example))


def test_an_example_that_is_wrong_is_said() -> None:
    class Wrong(Filter):
        examples = (Example("upper", "mutate { uppercase => message }", before={"message": "a"}, after={"message": "b"}),)

    with pytest.raises(AssertionError, match="upper"):
        check_examples(Wrong)


@pytest.mark.parametrize("cls", list(plugins("filter")), ids=lambda cls: cls.spec.name)
def test_every_filter_has_two_examples_at_least(cls: type[Filter]) -> None:
    assert len(cls.examples) >= 2


@pytest.mark.parametrize("cls", list(plugins()), ids=lambda cls: f"{cls.spec.section}-{cls.spec.name}")
def test_every_plugin_and_option_is_described(cls: type[Plugin]) -> None:
    first = cls.spec.doc.split("\n\n")[0]
    assert first.endswith(".")
    assert all(option.doc for option in cls.spec.options.values())
