"""Options that Logstash had once: a configuration that has them is told what they are called now."""
import pytest

import penstock


@pytest.mark.parametrize(
    ("config", "written"),
    [
        ('grok { pattern => "%{IP:ip}" }', 'write match => { "message" => "PATTERN" }'),
        ('mutate { type => "a" }', "use a conditional around the filter"),
    ],
)
def test_an_option_that_is_gone_names_its_successor(config: str, written: str) -> None:
    with pytest.raises(penstock.ConfigError) as refused:
        penstock.compile(f"filter {{ {config} }}")
    (found,) = [finding for finding in refused.value.diagnostics if finding.code == "E212"]
    assert written in found.help
