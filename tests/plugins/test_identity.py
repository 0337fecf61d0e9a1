"""Certificates and keys that do not belong together: the file that is to blame is named."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from servers.certificates import Certificates

from penstock.plugins.identity import load_identity


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of certificates, with a key that has a passphrase, and one that has the same in the older form."""
    directory = Certificates(tmp_path_factory.mktemp("certificates")).directory
    for name, form in (("locked", []), ("older", ["-traditional"])):
        command = ["openssl", "pkey", *form, "-in", directory / "client.key", "-aes256", "-passout", "pass:right"]
        subprocess.run([*command, "-out", directory / f"{name}.key"], check=True)
    (directory / "noise").write_text("neither of them")
    shutil.copy(directory / "client.key", directory / "only-a-key.pem")
    return directory


WRONG = [
    ("client.pem", "server.key", None, "key", "`{}/server.key` is not the key of the certificate `{}/client.pem`"),
    ("client.pem", "locked.key", None, "key", "the key `{}/locked.key` has a passphrase"),
    ("client.pem", "older.key", None, "key", "the key `{}/older.key` has a passphrase"),
    ("client.pem", "locked.key", "wrong", "passphrase", "the passphrase does not open the key `{}/locked.key`"),
    ("client.pem", "older.key", "wrong", "passphrase", "the passphrase does not open the key `{}/older.key`"),
    ("noise", "client.key", None, "certificate", "`{}/noise` holds no certificate in PEM"),
    ("only-a-key.pem", "client.key", None, "certificate", "`{}/only-a-key.pem` holds no certificate in PEM"),
    ("client.pem", "noise", None, "key", "`{}/noise` holds no private key in PEM"),
    ("client.pem", "client.pem", None, "key", "`{}/client.pem` holds no private key in PEM"),
    ("client.pem", "away.key", None, "key", "`{}/away.key` cannot be read: No such file or directory"),
]


@pytest.mark.parametrize(("certificate", "key", "passphrase", "part", "message"), WRONG)
def test_what_cannot_be_used_is_said_of_its_file(
    certificate: str, key: str, passphrase: str | None, part: str, message: str, files: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found = load_identity(context, files / certificate, files / key, passphrase, "ssl_key_passphrase")
    assert found is not None
    assert (found.part, found.message) == (part, message.replace("{}", str(files)))
    assert found.help


@pytest.mark.parametrize(("key", "passphrase"), [("client.key", None), ("locked.key", "right"), ("older.key", "right")])
def test_what_belongs_together_is_taken(key: str, passphrase: str | None, files: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert load_identity(context, files / "client.pem", files / key, passphrase, "ssl_key_passphrase") is None
