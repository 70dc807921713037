"""What can be told from a key file or a public key without asking ssh. Python 3.9 and newer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from pathlib import Path

from backupjump.config.key_file import key_file_problem

_OPENSSH_MAGIC = b"openssh-key-v1\0"


def fingerprint(public_key: str) -> str:
    """Return `SHA256:…` for a public key line (`ssh-ed25519 AAAA…`), as `ssh-keygen -l` prints it.

    Raises ValueError when the line is not a public key.
    """
    try:
        blob = base64.b64decode(public_key.split()[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise ValueError(f"not a public key: {public_key!r}") from error
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def key_problem(path: Path) -> str | None:
    """Say why ssh can't log in with the private key at `path` while nobody is at the keyboard; None if it can.

    On top of what the config demands of the file, it must hold a private key without a passphrase.
    """
    if (problem := key_file_problem(path)) is not None:
        return problem
    try:
        text = path.read_bytes()
    except OSError as error:
        return f"{path} can't be read: {error.strerror}"
    if b"PRIVATE KEY-----" not in text:
        return f"{path} does not hold a private key; make one: ssh-keygen -t ed25519 -N '' -f {path}.new"
    if is_encrypted(text):
        return f"{path} has a passphrase and nobody is there to type it; take it off: ssh-keygen -p -N '' -f {path}"
    return None


def is_encrypted(private_key: bytes) -> bool:
    """Tell whether a private key file's content asks for a passphrase.

    Source: PROTOCOL.key of OpenSSH (the cipher's name follows the magic); RFC 1421 for the older form.
    """
    if b"ENCRYPTED" in private_key:
        return True
    body = b"".join(line for line in private_key.split(b"\n") if not line.startswith(b"-----"))
    try:
        blob = base64.b64decode(body)
        (length,) = struct.unpack_from(">I", blob, len(_OPENSSH_MAGIC))
    except (binascii.Error, struct.error):
        return False
    start = len(_OPENSSH_MAGIC) + 4
    return blob.startswith(_OPENSSH_MAGIC) and blob[start : start + length] != b"none"
