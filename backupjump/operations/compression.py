"""Compress a pull's transfers where it pays, and note what each of them shows of the link and of the content."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backupjump.operations.link_speeds import recall_link, remember_link
from backupjump.rsync.compression import COMPRESSOR, ContentMix, compression
from backupjump.rsync.version import why_no_zstd
from backupjump.run import utc_now
from backupjump.store.meta import read_meta

if TYPE_CHECKING:
    from backupjump.operations.under_way import Pull
    from backupjump.rsync.compression import Evidence
    from backupjump.rsync.plan import Plan
    from backupjump.store.staging import Staging

log = logging.getLogger(__name__)


def with_compression(pull: Pull, plan: Plan) -> Plan:
    """Return `plan` with the choice for one try by the way in force; it is noted in `pull`, and logged where it is new.

    What is to be sent is judged by all that the job's runs have brought so far.
    """
    assert pull.rsyncs is not None
    known = recall_link(pull.site.state, pull.desktop.name, pull.route.name)
    # By bwlimit a link is as slow as a slow one.
    link_bytes = min((each for each in (known, pull.job.bwlimit) if each is not None), default=None)
    choice = compression(
        link_bytes,
        content_so_far(pull).compressible_share,
        hindrance=why_no_zstd(pull.rsyncs.here, pull.rsyncs.there),
    )
    if choice != pull.compression:
        verb = "compressing" if choice.compress else "not compressing"
        log.info("%s: %s what is sent: %s", pull.job.name, verb, choice.why)
    pull.compression = choice
    return replace(plan, compress=choice.compress)


def note_evidence(pull: Pull, evidence: Evidence) -> None:
    """Keep what one try, whole or broken off, has shown; a link that bwlimit held back tells nothing of itself."""
    pull.sent = pull.sent.plus(evidence.sent)
    carried = evidence.link.bytes_per_second
    if carried is not None and pull.job.bwlimit is None:
        pull.link_bytes = carried
        remember_link(pull.site.state, pull.desktop.name, pull.route.name, carried, now=utc_now())


def content_so_far(pull: Pull) -> ContentMix:
    """Return what all runs of the job have brought, this one included; of a store from before this, this one alone."""
    return _before(pull.staging).plus(pull.sent)


def how_of(pull: Pull) -> dict[str, Any]:
    """Return what a snapshot's meta.json keeps of it, under `how`.

    `compression`: the `method` of the try that brought it, or null, `why`, and the `link_bytes_per_second` that this
    run measured, or null. `content`: the bytes of all files that the job's runs have sent, and how many of them are in
    files whose names don't say that they are compressed.
    """
    choice, content = pull.compression, content_so_far(pull)
    return {
        "compression": {
            "method": COMPRESSOR if choice is not None and choice.compress else None,
            "why": choice.why if choice is not None else "",
            "link_bytes_per_second": pull.link_bytes,
        },
        "content": {"bytes": content.total_bytes, "compressible_bytes": content.compressible_bytes},
    }


def _before(staging: Staging | None) -> ContentMix:
    built_on = (staging.last_good or staging.base or staging.seeding) if staging is not None else None
    if built_on is None:
        return ContentMix()
    try:
        told = read_meta(built_on.path)["how"]["content"]
        return ContentMix(total_bytes=int(told["bytes"]), compressible_bytes=int(told["compressible_bytes"]))
    except (ValueError, KeyError, TypeError):
        return ContentMix()
