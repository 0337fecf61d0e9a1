"""The keystore: secrets beside the settings, encrypted, for ``${NAME}`` in configurations.

One JSON file with a format version, a salt and one encrypted map. The key is derived with scrypt
(RFC 7914; n = 2¹⁴, r = 8, p = 1) from the passphrase in ``PENSTOCK_KEYSTORE_PASS`` (or Logstash's
``LOGSTASH_KEYSTORE_PASS``), and the map is encrypted and authenticated by Fernet (AES-128-CBC with
HMAC-SHA-256). Without a passphrase the key stands in the file itself: that keeps secrets out of
sight, and only the file's mode (0600) protects them. Names and values are seen by nobody without
the key.
"""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import scrypt
from pathlib import Path
from typing import Any

from ...dsl.diagnostics import PenstockError

FILE_NAME = "penstock.keystore"
PASSPHRASES = ("PENSTOCK_KEYSTORE_PASS", "LOGSTASH_KEYSTORE_PASS")
_VERSION = 1


class KeystoreError(PenstockError):
    """A keystore that cannot be read or written; the message says why and what to do."""


def path_in(directory: str) -> Path:
    """Where the keystore of a directory of settings is."""
    return Path(directory, FILE_NAME)


def passphrase() -> str | None:
    """The passphrase that the environment gives; None for none."""
    return next((os.environ[name] for name in PASSPHRASES if os.environ.get(name)), None)


class Keystore:
    """The secrets of one file, by name. Changes are written by ``save``."""

    def __init__(self, path: Path, values: dict[str, str], key: str, salt: bytes) -> None:
        self.path, self.values = path, values
        self._key, self._salt = key, salt

    @classmethod
    def create(cls, path: Path) -> Keystore:
        """An empty keystore, locked by the passphrase of the environment; not written yet."""
        salt = secrets.token_bytes(16)
        given = passphrase()
        key = "" if given is not None else urlsafe_b64encode(secrets.token_bytes(32)).decode()
        return cls(path, {}, key, salt)

    @classmethod
    def open(cls, path: Path) -> Keystore:
        """The keystore of a file; raises KeystoreError."""
        try:
            data = json.loads(path.read_bytes())
            version, salt = data["version"], urlsafe_b64decode(data["salt"])
            key, sealed = data.get("key", ""), data["secrets"].encode()
            if type(version) is not int or not isinstance(key, str):
                raise ValueError("not what `save` writes")
        except FileNotFoundError:
            raise KeystoreError(
                f"keystore `{path}` does not exist: `penstock keystore create` makes one"
            ) from None
        except OSError as error:
            raise KeystoreError(f"the keystore cannot be read: {error}") from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise KeystoreError(f"`{path}` is not a keystore, or is damaged") from error
        if version > _VERSION:
            raise KeystoreError(
                f"`{path}` has format version {version}, and this Penstock reads up to {_VERSION}:"
                " use the Penstock that wrote it, or a newer one"
            )
        return cls(path, _unsealed(path, sealed, _secret(key, salt, path)), key, salt)

    def save(self) -> None:
        """Write the file anew, readable by its owner only; raises OSError."""
        sealed = _fernet(_secret(self._key, self._salt, self.path)).encrypt(
            json.dumps(self.values).encode()
        )
        data = {
            "version": _VERSION,
            "salt": urlsafe_b64encode(self._salt).decode(),
            "secrets": sealed.decode(),
        }
        if self._key:
            data["key"] = self._key
        new = self.path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)  # one that a kill left may have another mode
            json.dump(data, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)


def keystore_values(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """The secrets beside the settings; none where there is no keystore. Raises KeystoreError."""
    directory = settings.get("path.settings")
    if not directory or not path_in(directory).exists():
        return {}
    return Keystore.open(path_in(directory)).values


def _secret(key: str, salt: bytes, path: Path) -> str:
    """The key of Fernet: that of the file, or one derived from the passphrase."""
    if key:
        return key
    given = passphrase()
    if given is None:
        raise KeystoreError(f"`{path}` is locked: put its passphrase into {PASSPHRASES[0]}")
    return _derived(given, salt)


@lru_cache(1)
def _derived(passphrase: str, salt: bytes) -> str:
    """Slow on purpose, and asked for by each settings file and pipeline, at each look at them."""
    derived = scrypt(passphrase.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=32)
    return urlsafe_b64encode(derived).decode()


def _unsealed(path: Path, sealed: bytes, key: str) -> dict[str, str]:
    from cryptography.fernet import InvalidToken

    try:
        values: dict[str, str] = json.loads(_fernet(key).decrypt(sealed))
    except (InvalidToken, ValueError) as error:
        raise KeystoreError(
            f"`{path}` cannot be opened: the passphrase in {PASSPHRASES[0]} is wrong, or the file"
            " is damaged"
        ) from error
    return values


def _fernet(key: str) -> Any:
    try:
        from cryptography.fernet import Fernet
    except ModuleNotFoundError:
        raise KeystoreError(
            "the keystore needs the package `cryptography`: pip install 'penstock[keystore]'"
        ) from None
    return Fernet(key.encode())
