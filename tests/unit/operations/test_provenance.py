import json

from backupjump.config.models import RouteKind
from backupjump.operations.probe import Rsyncs
from backupjump.operations.provenance import provenance
from backupjump.rsync.pulled import Pulled
from backupjump.rsync.version import RsyncVersion

RSYNCS = Rsyncs(
    here=RsyncVersion(version=(3, 5, 0), text="3.5.0", protocol=33),
    there=RsyncVersion(version=(3, 2, 7), text="3.2.7", protocol=32),
)


def test_files_that_vanished_are_listed_by_their_full_paths() -> None:
    how = provenance(RouteKind.PROXYJUMP, RSYNCS, Pulled(vanished=(b"home/me/a", b"home/me/\xff")))

    assert how["vanished"] == 2
    assert json.loads(json.dumps(how))["vanished_paths"] == ["/home/me/a", "/home/me/\udcff"]


def test_a_desktop_can_not_make_the_list_longer_than_meta_json_may_be() -> None:
    vanished = (b"x" * 65_536, *(b"home/%d" % number for number in range(10_000)))

    how = provenance(RouteKind.PROXYJUMP, RSYNCS, Pulled(vanished=vanished))

    assert how["vanished"] == 10_001
    assert how["vanished_paths"][0] == "/home/0"
    assert len(how["vanished_paths"]) == 100


def test_a_route_on_which_the_jump_node_reads_along_is_recorded_as_one() -> None:
    seen = {kind: provenance(kind, RSYNCS, Pulled())["jump_sees_plaintext"] for kind in RouteKind}

    assert [kind for kind, plaintext in seen.items() if plaintext] == [RouteKind.NESTED]


def test_the_tools_of_both_ends_are_recorded() -> None:
    tools = provenance(RouteKind.LOCAL, RSYNCS, Pulled())["tools"]

    assert (tools["rsync"], tools["rsync_on_desktop"]) == ("3.5.0", "3.2.7")
