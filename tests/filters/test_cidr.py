"""The filter cidr."""
import os
from pathlib import Path
from typing import Any

import pytest

import penstock


def matches(options: str, event: dict[str, Any]) -> bool:
    (out,) = penstock.compile(f'filter {{ cidr {{ {options} add_tag => ["m"] }} }}')([event])
    return out.get("tags") == ["m"]


@pytest.mark.parametrize(
    ("network", "address", "is_in"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.1.2.3/8", "10.255.0.1", True),
        ("10.0.0.0/255.0.0.0", "10.255.0.1", True),
        ("192.168.1.1", "192.168.1.1", True),
        ("192.168.1.1", "192.168.1.2", False),
        ("0.0.0.0/0", "8.8.8.8", True),
        ("0.0.0.0/0", "::1", False),
        ("fe80::/64", "fe80::1", True),
        ("fe80::/64", "fe80:0:0:1::1", False),
        ("10.0.0.0/8,172.16.0.0/12, 192.168.0.0/16", "192.168.0.30", True),
        ("10.0.0.0/8", "10.1.0.0/16", True),
        ("10.1.0.0/16", "10.0.0.0/8", False),
        ("10.0.0.0/8", "10.0.0.01", False),
        ("10.0.0.0/8", "host", False),
        ("10.0.0.0/8", "", False),
    ],
)
def test_an_address_is_in_a_network(network: str, address: str, is_in: bool) -> None:
    assert matches(f'address => "%{{ip}}" network => "{network}"', {"ip": address}) is is_in
    assert matches('address => "%{ip}" network => "%{net}"', {"ip": address, "net": network}) is is_in


@pytest.mark.parametrize(
    ("value", "is_in"),
    [("10.0.0.1", True), (["x", "10.0.0.1"], True), (["x"], False), (None, False), (5, False), ({"a": 1}, False), ([], False)],
)
def test_addresses_in_a_field(value: Any, is_in: bool) -> None:
    assert matches('address_field => "[h][ip]" network => ["10.0.0.0/8"]', {"h": {"ip": value}}) is is_in


def test_any_of_several_addresses_is_enough() -> None:
    options = 'address => ["%{a}", "%{b}"] network => ["10.0.0.0/8", "192.168.0.0/16"]'
    assert matches(options, {"a": "8.8.8.8", "b": "192.168.0.1"})


def test_a_list_of_networks_in_a_field() -> None:
    assert matches('address => "1.2.3.4" network => ["%{nets}"]', {"nets": ["10.0.0.0/8", "nonsense", "1.2.0.0/16"]})


def test_networks_of_a_file_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "networks"
    file.write_text("10.0.0.0/8\n\nnonsense\n")
    options = f'address => "%{{ip}}" network_path => "{file}" refresh_interval => 0 add_tag => ["m"]'
    stage = penstock.compile(f"filter {{ cidr {{ {options} }} }}")

    def known(address: str) -> bool:
        return "tags" in stage([{"ip": address}])[0]

    assert (known("10.0.0.1"), known("1.2.3.4")) == (True, False)
    file.write_text("1.2.3.0/24")
    os.utime(file, ns=(1, 1))
    assert (known("10.0.0.1"), known("1.2.3.4")) == (False, True)
    file.unlink()
    assert known("1.2.3.4")


def test_a_separator_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "networks").write_text("10.0.0.0/8;1.2.3.0/24")
    assert matches(f'address => "1.2.3.4" network_path => "{tmp_path}/networks" separator => ";"', {})


def test_networks_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "networks").write_text("")
    with pytest.raises(penstock.ConfigError, match="cannot both be given"):
        matches(f'address => "1.2.3.4" network => "1.2.3.4" network_path => "{tmp_path}/networks"', {})


def test_a_network_that_is_none_is_warned_of() -> None:
    stage = penstock.compile('filter { cidr { address => "1.2.3.4" network => ["10.0.0.0/33"] } }')
    assert [warning.code for warning in stage.warnings] == ["W305"]


def test_an_address_is_given_in_one_way() -> None:
    with pytest.raises(penstock.ConfigError, match="`address` and `address_field` exclude each other"):
        matches('address => "%{ip}" address_field => "ip" network => "1.2.3.4"', {})
