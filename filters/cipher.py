"""The filter cipher: texts encrypted and decrypted with a key."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from os import urandom
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, Secret, option

_NAME = re.compile(r"aes-?(?P<bits>128|192|256)-(?P<mode>cbc|cfb8|cfb|ofb|ctr|ecb)", re.IGNORECASE)
_BLOCK = 16


class Cipher(Filter, name="cipher"):
    """Encrypt or decrypt a string.

    `algorithm` has OpenSSL's name, such as `aes-256-cbc`: AES with 128, 192 or 256 bits, in the
    modes cbc, cfb, cfb8, ofb, ctr and ecb. The key is cut, or filled with `key_pad`, to `key_size`
    bytes: 16, 24 or 32, as the algorithm has bits. Every encryption draws `iv_random_length` random
    bytes (16), which stand before the result and are read off there again. Text goes in and comes
    out as UTF-8; what is encrypted is in base64.

    A string that is missing or empty is skipped; one that cannot be decrypted gets the tag
    `_cipherfiltererror`. Nobody notices a string that was tampered with: these modes do not
    authenticate.

    The filter needs the package cryptography: `pip install 'penstock[cipher]'`.

    Differs from Logstash: without base64, an encrypted text has one character for each byte. `iv`
    is gone there, and so it is here. `max_cipher_reuse` has no effect.
    """

    algorithm: str = option("The algorithm, with its number of bits and its mode.")
    mode: str = option("What to do.", choices=("encrypt", "decrypt"))
    key: Secret | None = option("The key.", default=None)
    key_size: int = option("The length of the key in bytes.", default=16, at_least=1)
    key_pad: str = option("What to fill a short key with.", default="\0")
    iv_random_length: int = option(
        "How many random bytes stand before what is encrypted.", at_least=0
    )
    source: FieldRef = option("The field with the string.", default=FieldRef("message"))
    target: FieldRef = option("The field for the result.", default=FieldRef("message"))
    base64: bool = option("Whether what is encrypted is in base64.", default=True)
    cipher_padding: str | None = option(
        "0 for no padding; the text is then a multiple of 16 bytes.", default=None
    )
    max_cipher_reuse: int = option("Without effect.", default=1)

    examples = (
        Example(
            "decrypt",
            """cipher {
  mode => "decrypt" algorithm => "aes-256-cbc" iv_random_length => 16
  key => "0123456789abcdef0123456789abcdef" key_size => 32
  source => "secret" target => "text"
}""",
            before={"secret": "MDEyMzQ1Njc4OWFiY2RlZlEHcOOCQ6s7MWKZEgsFwyA="},
            after={"secret": "MDEyMzQ1Njc4OWFiY2RlZlEHcOOCQ6s7MWKZEgsFwyA=", "text": "hello"},
        ),
        Example(
            "what cannot be decrypted",
            'cipher { mode => "decrypt" algorithm => "aes-128-cbc" iv_random_length => 16 key =>'
            ' "k" }',
            before={"message": "nonsense"},
            after={"message": "nonsense", "tags": ["_cipherfiltererror"]},
        ),
    )

    def prepare(self) -> None:
        found = _NAME.fullmatch(self.algorithm)
        if found is None:
            self.problem(
                "algorithm",
                f"unknown algorithm `{self.algorithm}`",
                "write it as aes-256-cbc",
            )
        if self.key is None:
            self.problem("key", "cipher needs a `key`", 'write key => "${CIPHER_KEY}"', code="E214")
        if found is None or self.key is None:
            return
        mode = found["mode"].lower()
        self._new_mode, self._has_iv = _mode(mode), mode != "ecb"
        self._pads = mode in ("cbc", "ecb") and self.cipher_padding != "0"
        self._check_sizes(int(found["bits"]) // 8)
        key = self.key.encode()[: self.key_size].ljust(
            self.key_size, (self.key_pad.encode() or b"\0")[:1]
        )
        try:
            self._algorithm = algorithms.AES(key)
        except ValueError:
            return  # said by _check_sizes
        self._work = self._encrypt if self.mode == "encrypt" else self._decrypt

    def _check_sizes(self, wanted: int) -> None:
        if self.key_size != wanted:
            message = f"`{self.algorithm}` has a key of {wanted} bytes, not {self.key_size}"
            self.problem("key_size", message, f"write key_size => {wanted}")
        if self._has_iv and self.iv_random_length != _BLOCK:
            self.problem(
                "iv_random_length",
                f"`{self.algorithm}` starts with {_BLOCK} bytes",
                f"write {_BLOCK}",
            )

    def apply(self, event: Event) -> bool:
        value: Any = self.source.get(event)
        if value is None or value == "":
            return False
        try:
            result = self._work(value)
        except (ValueError, TypeError, AttributeError) as error:
            complain(self.context.where, "%s: cipher: %s", self.context.where, error)
            add_tag(event, "_cipherfiltererror")
            return False
        self.target.set(event, result)
        return True

    def _encrypt(self, text: str) -> str:
        data, iv = text.encode(), urandom(self.iv_random_length)
        if self._pads:
            padder = PKCS7(_BLOCK * 8).padder()
            data = padder.update(data) + padder.finalize()
        machine: Any = BlockCipher(self._algorithm, self._new_mode(iv)).encryptor()
        result: bytes = iv + machine.update(data) + machine.finalize()
        return base64.b64encode(result).decode() if self.base64 else result.decode("latin-1")

    def _decrypt(self, text: str) -> str:
        whole = base64.b64decode(text, validate=True) if self.base64 else text.encode("latin-1")
        iv, data = whole[: self.iv_random_length], whole[self.iv_random_length :]
        machine: Any = BlockCipher(self._algorithm, self._new_mode(iv)).decryptor()
        data = machine.update(data) + machine.finalize()
        if self._pads:
            unpadder = PKCS7(_BLOCK * 8).unpadder()
            data = unpadder.update(data) + unpadder.finalize()
        return data.decode("utf-8", "replace")


def _mode(name: str) -> Callable[[bytes], Any]:
    """A mode by its name, made of the bytes to start with."""
    if name == "ecb":
        return lambda iv: modes.ECB()
    home: Any = modes
    if name in ("cfb", "cfb8", "ofb"):
        with suppress(ImportError):  # newer releases of the package keep them apart
            home = import_module("cryptography.hazmat.decrepit.ciphers.modes")
    made: Callable[[bytes], Any] = getattr(home, name.upper())
    return made
