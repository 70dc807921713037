import json

from backupjump.config.models import Job, RouteKind
from backupjump.operations.probe import Rsyncs
from backupjump.operations.provenance import known_paths, provenance
from backupjump.rsync.pulled import Kind, LeftOut, Pulled
from backupjump.rsync.version import RsyncVersion
from unit.ssh.routes import route_of

RSYNCS = Rsyncs(
    here=RsyncVersion(version=(3, 5, 0), text="3.5.0", protocol=33),
    there=RsyncVersion(version=(3, 2, 7), text="3.2.7", protocol=32),
)

JOB = Job.model_validate({"name": "nightly", "desktop": "d", "sources": ["/home/me"], "exclude": ["*.tmp"]})


def test_files_that_vanished_are_listed_by_their_full_paths() -> None:
    how = provenance(
        [route_of(RouteKind.PROXYJUMP)], RSYNCS, Pulled(vanished=(b"home/me/a", b"home/me/\xff")), JOB, None
    )

    assert how["vanished"] == 2
    assert json.loads(json.dumps(how))["vanished_paths"] == ["/home/me/a", "/home/me/\udcff"]


def test_a_desktop_can_not_make_the_list_longer_than_meta_json_may_be() -> None:
    vanished = (b"x" * 65_536, *(b"home/%d" % number for number in range(10_000)))

    how = provenance([route_of(RouteKind.PROXYJUMP)], RSYNCS, Pulled(vanished=vanished), JOB, None)

    assert how["vanished"] == 10_001
    assert how["vanished_paths"][0] == "/home/0"
    assert len(how["vanished_paths"]) == 100


def test_a_route_on_which_the_jump_node_reads_along_is_recorded_as_one() -> None:
    seen = {
        kind: provenance([route_of(RouteKind.DIRECT), route_of(kind)], RSYNCS, Pulled(), JOB, None)[
            "jump_sees_plaintext"
        ]
        for kind in RouteKind
    }

    assert [kind for kind, plaintext in seen.items() if plaintext] == [RouteKind.NESTED]


def test_the_tools_of_both_ends_are_recorded() -> None:
    tools = provenance([route_of(RouteKind.LOCAL)], RSYNCS, Pulled(), JOB, None)["tools"]

    assert (tools["rsync"], tools["rsync_on_desktop"]) == ("3.5.0", "3.2.7")


def test_what_was_left_out_is_noted_for_the_next_run_byte_for_byte() -> None:
    left_out = (
        LeftOut(path=b"home/me/secret\xff", kind=Kind.UNREADABLE),
        LeftOut(path=b"home/me/secret\xff", kind=Kind.UNREADABLE),
        LeftOut(path=b"home/me/half", kind=Kind.NOT_WHOLE),
        LeftOut(path=b"home/me/vm.img", kind=Kind.TOO_LARGE),
    )

    how = json.loads(json.dumps(provenance([route_of(RouteKind.LOCAL)], RSYNCS, Pulled(left_out=left_out), JOB, None)))

    assert how["unreadable_paths"] == ["/home/me/secret\udcff", "/home/me/half"]
    assert how["left_out_paths"] == ["/home/me/vm.img"]
    assert known_paths(how) == {each.path for each in left_out}


def test_many_long_paths_do_not_make_meta_json_unreadable() -> None:
    left_out = tuple(
        LeftOut(path=b"\xff" * 4000 + b"%d" % number, kind=kind)
        for number in range(5000)
        for kind in (Kind.UNREADABLE, Kind.TOO_LARGE)
    )
    vanished = tuple(b"\xff" * 4090 + b"%d" % number for number in range(10_000))

    how = provenance([route_of(RouteKind.LOCAL)], RSYNCS, Pulled(left_out=left_out, vanished=vanished), JOB, None)

    assert len(json.dumps(how)) < 8 << 20
    assert len(how["unreadable_paths"]) > 150


def test_a_snapshot_of_an_older_version_has_noted_nothing() -> None:
    assert known_paths({}) == known_paths({"unreadable_paths": 7, "left_out_paths": [1]}) == frozenset()


def test_the_rules_that_chose_the_files_are_recorded() -> None:
    assert provenance([route_of(RouteKind.LOCAL)], RSYNCS, Pulled(), JOB, None)["selection"] == {
        "exclude": ["*.tmp"],
        "include": [],
        "default_excludes": True,
        "max_size": None,
        "one_file_system": True,
    }
