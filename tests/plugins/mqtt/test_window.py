"""How many messages the broker sends ahead of acknowledgements, as far as it shows."""
from penstock.plugins.inputs._mqtt_inbox import Window


def test_half_of_what_was_asked_for_is_said_once_to_be_used_up() -> None:
    window = Window(8)
    window.give(3)
    assert not window.runs_dry()
    window.give(1)
    assert [window.runs_dry(), window.runs_dry()] == [True, False]
    window.acknowledge(4)
    assert not window.runs_dry()
    window.give(4)
    assert window.runs_dry()


def test_where_nothing_more_comes_the_window_is_what_is_under_way() -> None:
    window = Window(1000)
    window.give(20)
    assert not window.runs_dry()
    window.nothing_came()
    assert window.runs_dry()
    window.acknowledge(20)
    window.give(9)
    assert not window.runs_dry()
    window.give(1)
    assert window.runs_dry()


def test_a_quiet_source_makes_it_small_until_more_comes() -> None:
    window = Window(1000)
    window.give(1)
    window.nothing_came()
    assert window.runs_dry()
    window.acknowledge(1)
    window.give(100)
    window.acknowledge(100)
    window.give(99)
    assert not window.runs_dry()
    window.give(1)
    assert window.runs_dry()
