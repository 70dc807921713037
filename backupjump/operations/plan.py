"""From a Job to a Plan: what rsync is to bring, from where, linked to what. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.config.models import StoreKind
from backupjump.rsync.plan import Plan, Transfer, plan_pull
from backupjump.rsync.version import common_checksum
from backupjump.ssh.route import data_host, remote_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.config.models import Job
    from backupjump.operations.probe import Rsyncs
    from backupjump.ssh.route import Route
    from backupjump.store.marker import Marker
    from backupjump.store.staging import Staging


def plan_attempt(job: Job, route: Route, marker: Marker, staging: Staging, rsyncs: Rsyncs) -> Plan:
    """Return what one try of `job` is to do: a transfer for each source, into the tree of `staging`.

    What a verify found damaged keeps its size and time: only by content rsync sees that it must not be linked.
    Where a manifest is damaged nothing tells whether the tree beside it is as it was, so that counts as damage.
    """
    built_on = [each for each in (staging.base, staging.last_good, staging.seeding) if each is not None]
    transfers = [
        Transfer(source=source, target=staging.tree / source.lstrip("/"), link_dests=staging.link_dests(source))
        for source in sorted(job.sources, key=lambda each: each.split("/"))
    ]
    return plan_transfers(
        job,
        route,
        marker,
        rsyncs,
        transfers,
        in_place=marker.kind is StoreKind.BTRFS,
        compare_content=any(each.damaged or each.problem for each in built_on),
    )


def plan_transfers(
    job: Job,
    route: Route,
    marker: Marker,
    rsyncs: Rsyncs,
    transfers: Sequence[Transfer],
    *,
    in_place: bool = False,
    compare_content: bool = False,
) -> Plan:
    """Return the plan that brings `transfers` of `job` by `route`, with all that the store of `marker` can keep."""
    return plan_pull(
        job,
        remote_shell=remote_shell(route),
        host=data_host(route),
        transfers=transfers,
        ownership=marker.ownership,
        nanoseconds=marker.nanoseconds,
        acls=marker.acls,
        xattrs=marker.xattrs,
        in_place=in_place,
        checksum=common_checksum(rsyncs.here, rsyncs.there),
        compare_content=compare_content,
    )
