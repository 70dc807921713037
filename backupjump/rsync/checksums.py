"""The checksums that rsync tells of what it transferred: a million of them in 48 MB, where a dict takes 290."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

# xxh128 and md5 are both of 128 bits.
CHECKSUM_BYTES = 16

_FEWEST_SLOTS = 1 << 10
_KEYS = 1 << 64
_FREE = 0


class Checksums:
    """The checksum of each transferred file by its full path, the last one told of a path; `len` counts the paths.

    Of a path only a keyed 64-bit hash is kept. Python draws the key anew for every process, so that no
    Desktop can choose two names that meet. Source: Python's documentation, object.__hash__.
    """

    def __init__(self, algorithm: str = "xxh128", *, slots: int = _FEWEST_SLOTS) -> None:
        self.algorithm = algorithm
        self._count = 0
        self._keys = array("Q", bytes(8 * slots))
        self._values = bytearray(CHECKSUM_BYTES * slots)

    def __len__(self) -> int:
        return self._count

    def note(self, path: bytes, checksum: str) -> None:
        """Note the hexadecimal `checksum` of what was transferred to `path`; one of another length is passed over."""
        if len(checksum) == 2 * CHECKSUM_BYTES:
            self._put(_key(path), bytes.fromhex(checksum))

    def get(self, path: bytes) -> str | None:
        """Return the checksum of a path with its algorithm (`xxh128:…`), None when it was not transferred."""
        slot = self._slot(_key(path))
        if self._keys[slot] == _FREE:
            return None
        return f"{self.algorithm}:{self._value(slot).hex()}"

    def add(self, others: Checksums) -> None:
        """Take over what `others` of the same algorithm have."""
        for slot, key in enumerate(others._keys):
            if key != _FREE:
                self._put(key, others._value(slot))

    def _put(self, key: int, value: bytes | bytearray) -> None:
        if self._count * 4 >= len(self._keys) * 3:
            self._grow()
        slot = self._slot(key)
        self._count += self._keys[slot] == _FREE
        self._keys[slot] = key
        self._values[slot * CHECKSUM_BYTES : (slot + 1) * CHECKSUM_BYTES] = value

    def _slot(self, key: int) -> int:
        """Return where `key` is, or the free slot where it would be."""
        mask = len(self._keys) - 1
        slot = key & mask
        while self._keys[slot] not in (key, _FREE):
            slot = (slot + 1) & mask
        return slot

    def _value(self, slot: int) -> bytearray:
        return self._values[slot * CHECKSUM_BYTES : (slot + 1) * CHECKSUM_BYTES]

    def _grow(self) -> None:
        larger = Checksums(self.algorithm, slots=2 * len(self._keys))
        larger.add(self)
        self._keys, self._values = larger._keys, larger._values


def joined(parts: Iterable[Checksums]) -> Checksums:
    """Return all that the parts of one pull have, which share an algorithm."""
    first, *others = parts
    for each in others:
        first.add(each)
    return first


def _key(path: bytes) -> int:
    return hash(path) % _KEYS or 1
