"""The filter cipher. What is decrypted here was encrypted by OpenSSL."""
from typing import Any

import pytest

import penstock

KEY = "0123456789abcdef"


def run(options: str, value: Any) -> dict[str, Any]:
    (out,) = penstock.compile(f'filter {{ cipher {{ iv_random_length => 16 key => "{KEY}" {options} }} }}')([{"message": value}])
    return out


ALGORITHMS = ["aes-128-cbc", "AES-128-CTR", "aes-128-cfb", "aes-128-cfb8", "aes-128-ofb", "aes-128-ecb"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("base64", ["true", "false"])
@pytest.mark.parametrize("text", ["x", "hello, wörld", "sixteen letters."])
def test_what_was_encrypted_is_decrypted(algorithm: str, base64: str, text: str) -> None:
    options = f'algorithm => "{algorithm}" base64 => {base64}'
    secret = run(f'mode => "encrypt" {options}', text)["message"]
    assert secret != text
    assert run(f'mode => "decrypt" {options}', secret)["message"] == text


def test_what_openssl_encrypted() -> None:
    secret = "MDEyMzQ1Njc4OWFiY2RlZlEHcOOCQ6s7MWKZEgsFwyA="
    options = f'mode => "decrypt" algorithm => "aes-256-cbc" key_size => 32 key => "{KEY}{KEY}" target => "t"'
    config = f"filter {{ cipher {{ iv_random_length => 16 {options} }} }}"
    assert penstock.compile(config)([{"message": secret}])[0]["t"] == "hello"


def test_every_encryption_is_different() -> None:
    options = 'mode => "encrypt" algorithm => "aes-128-cbc"'
    assert run(options, "x")["message"] != run(options, "x")["message"]


def test_a_short_key_is_filled_and_a_long_one_cut() -> None:
    def swapped(first: str, second: str) -> str:
        options = 'algorithm => "aes-128-cbc" iv_random_length => 16 key_pad => "*" target => "message"'
        encrypt = f'cipher {{ mode => "encrypt" key => "{first}" {options} }}'
        decrypt = f'cipher {{ mode => "decrypt" key => "{second}" {options} }}'
        return str(penstock.compile(f"filter {{ {encrypt} {decrypt} }}")([{"message": "x"}])[0]["message"])

    assert swapped("short", "short***********") == "x"
    assert swapped(KEY + "more", KEY) == "x"


def test_without_padding_the_text_fills_blocks() -> None:
    options = 'algorithm => "aes-128-cbc" cipher_padding => 0'
    secret = run(f'mode => "encrypt" {options}', "sixteen letters.")["message"]
    assert run(f'mode => "decrypt" {options}', secret)["message"] == "sixteen letters."
    assert run(f'mode => "encrypt" {options}', "x")["tags"] == ["_cipherfiltererror"]


@pytest.mark.parametrize("value", [5, ["x"], {"a": 1}, True, "no base64!", "AAAA", "A" * 64])
def test_what_cannot_be_decrypted_is_tagged(value: Any) -> None:
    out = run('mode => "decrypt" algorithm => "aes-128-cbc"', value)
    assert (out["message"], out["tags"]) == (value, ["_cipherfiltererror"])


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_empty_is_passed_over(value: Any) -> None:
    assert "tags" not in run('mode => "encrypt" algorithm => "aes-128-cbc" add_tag => ["t"]', value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('mode => "encrypt" algorithm => "rot13" key => "k" iv_random_length => 16', "unknown algorithm"),
        ('mode => "encrypt" algorithm => "aes-256-cbc" key => "k" iv_random_length => 16', "32 bytes"),
        ('mode => "encrypt" algorithm => "aes-128-cbc" key => "k" iv_random_length => 8', "16 bytes"),
        ('mode => "encrypt" algorithm => "aes-128-cbc" iv_random_length => 16', "needs a `key`"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: str, said: str) -> None:
    with pytest.raises(penstock.ConfigError, match=said):
        penstock.compile(f"filter {{ cipher {{ {options} }} }}")
