"""Python's own help works on everything that can be imported: it is the reference of who embeds Penstock or writes plugins."""
import importlib
import inspect
import pkgutil
import pydoc

import pytest

import penstock

APART = ("penstock.pipeline.engines.flink.", "penstock.pipeline.engines.spark.")
"""What imports an engine: its packages stand in an environment of their own."""
MODULES = [
    module.name
    for module in pkgutil.walk_packages(penstock.__path__, "penstock.")
    if not module.name.endswith("__main__") and not module.name.startswith(APART)
]


@pytest.mark.parametrize("name", MODULES)
def test_help_can_be_asked_for(name: str) -> None:
    module = importlib.import_module(name)
    assert pydoc.render_doc(module)


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("penstock.plugins.")])
def test_classes_have_signatures_that_editors_can_read(name: str) -> None:
    module = importlib.import_module(name)
    for cls in vars(module).values():
        if inspect.isclass(cls) and cls.__module__ == name and not issubclass(cls, tuple):
            try:
                inspect.signature(cls)
            except ValueError as error:  # a class of C, such as an enumeration's: it has none
                assert "no signature" in str(error)
