"""The filter environment."""
import pytest

import penstock


def test_variables_become_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGION", "eu")
    monkeypatch.delenv("UNSET", raising=False)
    options = 'add_metadata_from_env => { "region" => "REGION" "[a][b]" => "REGION" "none" => "UNSET" }'
    (out,) = penstock.compile(f"filter {{ environment {{ {options} }} }}")([{"@metadata": {"kept": 1}}])
    assert out["@metadata"] == {"kept": 1, "region": "eu", "a": {"b": "eu"}, "none": None}


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(penstock.ConfigError, match="empty brackets"):
        penstock.compile('filter { environment { add_metadata_from_env => { "[]" => "HOME" } } }')
