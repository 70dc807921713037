"""Whether a transfer is to be compressed on its way: by how fast the link is and what is to be sent. Pure.

zstd at level 1 costs 9 ms a megabyte that shrinks to a third, at both ends together, and 1.5 ms one that does not
shrink; each byte that is not sent is neither encrypted three times nor decrypted three times (measured:
tests/bench/compression.py). rsync has no choice by file: it is one for a whole transfer.
Source: rsync(1), --skip-compress.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backupjump.rsync.link_speed import LinkSpeed

COMPRESSOR = "zstd"
# So much text a second goes through an rsync that packs it, on one CPU (measured): it would hold a faster link up.
FAST_LINK_BYTES = 150_000_000
# Below it no CPU is what a transfer waits for: zstd costs no time, and a tenth of text is worth it. On a faster link
# content that does not shrink may take a fifth longer (measured), which a third of text makes up for.
_CPU_BOUND_LINK_BYTES = 30_000_000
_SMALLEST_SHARE, _SMALLEST_SHARE_ON_FASTER = 0.1, 1 / 3
# By so little nothing can be told of what is to come.
_FEWEST_BYTES = 8_000_000

# What programs write compressed or encrypted already, by what stands behind the last dot of its name. Not among them:
# what is so only sometimes (img, qcow2, db, tiff), and `ts`, which is a film to some and source text to more.
_PACKED_BY_KIND = {
    "archives and compressed files": "7z ace br bz2 cab dmg gz iso lha lrz lz lz4 lzh lzma lzo pack rar rz squashfs sz"
    " tbz tbz2 tgz tlz txz tzst xz z zip zst zstd",
    "packages of programs": "aab apk appimage crx deb ear egg flatpak ipa jar nupkg rpm snap vsix war whl xpi",
    "documents that are zip files, or hold streams of deflate": "cbr cbz docm docx epub key kmz numbers odb odf odg odp"
    " ods odt otp ots ott pages pdf pptm pptx xlsb xlsm xlsx",
    "pictures and fonts": "arw avif cr2 cr3 gif heic heif jp2 jpe jpeg jpg jxl nef orf png raf rw2 webp woff woff2",
    "sound": "aac ac3 alac ape flac m4a m4b mka mp2 mp3 oga ogg opus wma wv",
    "films": "3g2 3gp asf avi f4v flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv vob webm wmv",
    "encrypted": "age gpg kdbx p12 pfx pgp",
}
_PACKED = frozenset(word.encode() for words in _PACKED_BY_KIND.values() for word in words.split())


class ContentMix:
    """How many bytes of some files there are, and how many of them zstd is likely to make fewer."""

    def __init__(self, *, total_bytes: int = 0, compressible_bytes: int = 0) -> None:
        self.total_bytes = total_bytes
        self.compressible_bytes = compressible_bytes

    def note(self, name: bytes, size: int) -> None:
        """Take in a file by its name, with or without folders before it, and its size in bytes."""
        self.total_bytes += size
        _stem, dot, suffix = name.rpartition(b".")
        if not dot or suffix.lower() not in _PACKED:
            self.compressible_bytes += size

    def plus(self, other: ContentMix) -> ContentMix:
        """Return what both are together."""
        return ContentMix(
            total_bytes=self.total_bytes + other.total_bytes,
            compressible_bytes=self.compressible_bytes + other.compressible_bytes,
        )

    @property
    def compressible_share(self) -> float | None:
        """What zstd is likely to make smaller, of 1; None where there is too little to tell."""
        return self.compressible_bytes / self.total_bytes if self.total_bytes >= _FEWEST_BYTES else None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a transfer shows for the choice of the next one: what its link carried, and the files that were sent.

    It grows while the transfer goes on, and counts also when that breaks off.
    """

    link: LinkSpeed = field(default_factory=LinkSpeed)
    sent: ContentMix = field(default_factory=ContentMix)


@dataclass(frozen=True, kw_only=True)
class Compression:
    """Whether to compress, and why, in words for a log and for meta.json."""

    compress: bool
    why: str


def compression(link_bytes: int | None, compressible_share: float | None, *, hindrance: str = "") -> Compression:
    """Return whether one transfer is to be compressed.

    `link_bytes` is what the link carries in a second, `compressible_share` a part of 1; None where it is not known.
    An unknown link counts as slow and unknown content as compressible: compressing in vain costs a little CPU, not
    compressing on a slow link up to half of the time. `hindrance` says why it can't be, if so.
    """
    if hindrance:
        return Compression(compress=False, why=hindrance)
    link = "how fast the link is, is not known" if link_bytes is None else f"the link carries {_mb(link_bytes)} MB/s"
    if link_bytes is not None and link_bytes >= FAST_LINK_BYTES:
        return Compression(compress=False, why=f"{link}, {_mb(FAST_LINK_BYTES)} and more are fast enough")
    if compressible_share is None:
        return Compression(compress=True, why=link)
    content = f"{compressible_share:.0%} of the content is not compressed already"
    is_slow = link_bytes is None or link_bytes < _CPU_BOUND_LINK_BYTES
    smallest = _SMALLEST_SHARE if is_slow else _SMALLEST_SHARE_ON_FASTER
    return Compression(compress=compressible_share >= smallest, why=f"{link}, {content}")


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f}" if count >= 10_000_000 else f"{count / 1e6:.2g}"
