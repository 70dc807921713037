import itertools
import os
import re
import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.models import Job, Ownership
from backupjump.errors import ConfigError
from backupjump.process import run
from backupjump.rsync.argv import preview_argv, pull_argv, remote_path, rsh_word
from backupjump.rsync.filters import DEFAULT_EXCLUDES
from backupjump.rsync.plan import Plan, Transfer, plan_pull
from rsync_world import plan_of, remote_shell

SSH = ("ssh", "-F", "/var/lib/backup jump/ssh_config")
JOB = Job(
    name="nightly",
    desktop="desktop",
    sources=("/home/me",),
    exclude=("*.tmp", "/home/me/Downloads/"),
    max_size="2 GB",  # type: ignore[arg-type]
    bwlimit="10 MB/s",  # type: ignore[arg-type]
    time_limit="3h",  # type: ignore[arg-type]
)


def planned(job: Job) -> Plan:
    transfers = [
        Transfer(source="/home/me", target=Path("/s/work/1/tree/home/me"), link_dests=(Path("/s/a"), Path("/s/b")))
    ]
    return plan_pull(
        job,
        remote_shell=SSH,
        host="bj-desktop",
        transfers=transfers,
        ownership=Ownership.NATIVE,
        nanoseconds=True,
        acls=True,
        xattrs=True,
        checksum="xxh128",
    )


def test_the_argv_of_a_pull() -> None:
    plan = planned(JOB)

    argv = pull_argv(plan, plan.transfers[0], marker="m1")

    defaults = {f"--filter=- {pattern}" for pattern in DEFAULT_EXCLUDES}
    assert [word for word in argv if word not in defaults] == [
        "rsync",
        "-aHAX",
        "--numeric-ids",
        "--sparse",
        "--modify-window=-1",
        "--no-secluded-args",
        "--partial-dir=.~backupjump-partial~",
        "--checksum-choice=xxh128",
        "--one-file-system",
        "--max-size=2000000000",
        "--bwlimit=9765",
        "--no-human-readable",
        "--outbuf=L",
        "--info=progress2,skip1",
        "--stats",
        "--out-format=m1 %i %l %C %n",
        "--link-dest=/s/a",
        "--link-dest=/s/b",
        "--filter=- *.tmp",
        "--filter=- /Downloads/",
        "--rsh=ssh -F '/var/lib/backup jump/ssh_config'",
        "--",
        b"bj-desktop:/home/me/",
        b"/s/work/1/tree/home/me/",
    ]
    assert (plan.time_limit, plan.attempts) == (timedelta(hours=3), 3)


def test_a_preview_is_the_same_and_a_dry_run() -> None:
    plan = planned(JOB)

    pull, preview = pull_argv(plan, plan.transfers[0], marker="m1"), preview_argv(plan, plan.transfers[0], marker="m1")

    # Without ACLs and xattrs, which don't decide what is sent and break a dry run of rsync 3.5.0.
    assert [word for word in preview if word != "--dry-run"] == ["rsync", "-aH", *pull[2:]]
    assert preview[1] == "--dry-run"


def test_a_plan_that_would_bring_nothing_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="leaves out the whole source '/home/me'"):
        planned(JOB.model_copy(update={"exclude": ("/home/",)}))


@pytest.mark.parametrize(
    ("changes", "there", "not_there"),
    [
        ({"acls": False, "xattrs": False}, ["-aH"], ["-aHAX"]),
        ({"nanoseconds": False}, [], ["--modify-window=-1"]),
        ({"ownership": Ownership.FAKE_SUPER}, ["--fake-super"], ["--no-owner"]),
        ({"ownership": Ownership.PLAIN}, ["--no-owner", "--no-group"], ["--fake-super"]),
        ({"one_file_system": False}, [], ["--one-file-system"]),
        ({"sparse": False}, [], ["--sparse"]),
        ({"bwlimit": 1}, ["--bwlimit=1"], ["--bwlimit=0"]),
        ({"checksum": "md5"}, ["--checksum-choice=md5"], ["--checksum"]),
        ({"compare_content": True}, ["--checksum"], []),
        ({"default_excludes": False}, [], ["--filter=- .cache/"]),
        ({}, [], ["--compress-choice=zstd", "--compress-level=1"]),
        ({"compress": True}, ["--compress-choice=zstd", "--compress-level=1"], ["--skip-compress", "-z"]),
    ],
)
def test_the_store_and_the_job_decide_about_options(
    changes: dict[str, object], there: list[str], not_there: list[str]
) -> None:
    plan = plan_of("/home/me", Path("/s/t"), SSH, **changes)

    argv = pull_argv(plan, plan.transfers[0], marker="m1")

    assert [word for word in there if word not in argv] == []
    assert [word for word in not_there if word in argv] == []


def test_options_that_would_harm_are_never_there() -> None:
    plan = planned(JOB)
    harmful = re.compile(
        r"-z|--(compress|inplace|append|atimes|fsync|ignore-errors|size-only|mkpath|insecure-links|trust-sender|"
        r"secluded-args|delete|write-devices|old-args|files-from|log-file)\b|--filter=[.:]|-F"
    )

    argv = pull_argv(plan, plan.transfers[0], marker="m1")

    assert [word for word in argv if isinstance(word, str) and harmful.match(word)] == []


def test_no_more_bases_than_rsync_takes() -> None:
    bases = [Path(f"/s/{number}") for number in range(25)]
    plan = plan_of("/home/me", Path("/s/t"), SSH, *bases)

    argv = pull_argv(plan, plan.transfers[0], marker="m1")

    given_to_rsync = [word for word in argv if isinstance(word, str) and word.startswith("--link-dest=")]
    assert given_to_rsync == [f"--link-dest={base}" for base in bases[:20]]


CAPTURE = 'printf "%s\\n" "$*" >"$(dirname "$0")/captured"\nexec sh -c "$*"'
# What the Desktop's gate admits (a fixed cluster of letters, a few long options, one path), and -B and NAME0 unused.
ADMITTED = re.compile(
    r"rsync --server --sender -[lHogDtpAXrzxScnvUdR]+e\d*\.[A-Za-z]* "
    r"(?:--bwlimit=\d+ |--checksum-choice=(?:xxh128|md5) |--numeric-ids )*\. (?P<path>/\S*)"
)
OPTIONS = {
    "ownership": list(Ownership),
    "acls": [True, False],
    "xattrs": [True, False],
    "one_file_system": [True, False],
    "bwlimit": [None, 5_000_000],
    "checksum": ["xxh128", "md5"],
    "compare_content": [True, False],
}


@pytest.mark.parametrize("values", list(itertools.product(*OPTIONS.values())), ids=str)
def test_the_desktop_gets_only_words_that_its_gate_admits(values: tuple[object, ...], tmp_path: Path) -> None:
    (source := tmp_path / "source").mkdir()
    changes = dict(zip(OPTIONS, values, strict=True))
    plan = plan_of(
        source,
        tmp_path / "t",
        remote_shell(tmp_path, CAPTURE),
        tmp_path,
        max_size=10,
        exclude=("*.x",),
        nanoseconds=changes["acls"],
        **changes,
    )

    for build in (pull_argv, preview_argv):
        done = run(build(plan, plan.transfers[0], marker="m1"), timeout=20)

        assert done.status == 0, done.stderr
        captured = (tmp_path / "captured").read_text().removesuffix("\n")
        match = ADMITTED.fullmatch(captured)
        assert match is not None, captured
        assert match["path"] == f"{source}/"


def test_the_longest_line_of_a_pull_is_this_one(tmp_path: Path) -> None:
    (source := tmp_path / "source").mkdir()
    plan = plan_of(
        source, tmp_path / "t", remote_shell(tmp_path, CAPTURE), bwlimit=5_000_000, max_size=9, compress=True
    )

    run(pull_argv(plan, plan.transfers[0], marker="m1"), timeout=20)

    words = (tmp_path / "captured").read_text().split()
    assert words[:3] == ["rsync", "--server", "--sender"]
    assert re.sub(r"e\..*", "", words[3]) == "-lHogDtpAXrxS"
    assert sorted(words[4:-2]) == [
        "--bwlimit=4882",
        "--checksum-choice=xxh128",
        "--compress-choice=zstd",
        "--compress-level=1",
        "--numeric-ids",
    ]


NAMES = st.text(alphabet="a~ *?[]\\'\"$(){};&|<>#!`%:=-é", min_size=1, max_size=12).filter(lambda name: "/" not in name)


@given(name=NAMES)
def test_a_remote_path_arrives_as_it_is_after_rsync_and_a_shell(name: str) -> None:
    source = f"/{name}/x"

    escaped_by_rsync = as_rsync_escapes(remote_path(source))

    assert shlex.split(escaped_by_rsync) == [f"{source}/"]
    assert not re.search(r"(?<!\\)(?:\\\\)*[*?\[]", escaped_by_rsync), "a shell would look for matching names"


def as_rsync_escapes(path: str) -> str:
    """Do what safe_arg() in rsync's options.c does to a file name argument."""
    kept_backslash = re.sub(r"\\(?=[*?\[\]])", "\0", path)
    return re.sub(r"([!\"#$&;|<>(){}'` \\])", r"\\\1", kept_backslash).replace("\0", "\\")


@given(words=st.lists(st.text(alphabet="ab '\"\\$/-", max_size=6), min_size=1, max_size=3))
def test_a_remote_shell_of_any_words_is_one_that_rsync_splits_up_again(words: list[str]) -> None:
    argv = ("ssh", *words)

    assert split_by_rsync(rsh_word(argv)) == list(argv)


def split_by_rsync(text: str) -> list[str]:
    """Do what do_cmd() in rsync's main.c does to the value of --rsh."""
    words, word, quote, started, at = [], "", "", False, 0
    while at < len(text):
        character = text[at]
        at += 1
        if quote:
            if character == quote:
                if text[at : at + 1] == quote:
                    at += 1
                else:
                    quote = ""
                    continue
            word += character
        elif character in "'\"":
            quote, started = character, True
        elif character == " ":
            if started:
                words.append(word)
            word, started = "", False
        else:
            word, started = word + character, True
    return [*words, word] if started else words


@pytest.mark.parametrize(
    "name", ["a b", "it's", "$(touch X)", "a*b", "[x]", "?", "b\\", "a\\*b", "~", "-rf", "é", "a;touch X"]
)
def test_a_source_of_any_name_arrives_whole_and_runs_nowhere(name: str, tmp_path: Path) -> None:
    source = tmp_path / "desktop" / name
    decoy = tmp_path / "desktop" / "aXb"
    for folder in (source, decoy, tmp_path / "desktop" / "x"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"only in {os.path.basename(folder)}").touch()  # noqa: PTH119
    plan = plan_of(
        source, tmp_path / "t", remote_shell(tmp_path, f'cd {shlex.quote(str(tmp_path / "desktop"))}; exec sh -c "$*"')
    )

    done = run(pull_argv(plan, plan.transfers[0], marker="m1"), timeout=20)

    assert done.status == 0, done.stderr
    assert [path.name for path in (tmp_path / "t").iterdir()] == [f"only in {name}"]
    assert not list(tmp_path.rglob("X"))


def test_a_private_copy_is_updated_in_place_and_what_is_gone_is_deleted_whatever_can_not_be_read() -> None:
    plan = replace(planned(JOB), in_place=True)

    words = pull_argv(plan, plan.transfers[0], marker="m1")

    assert {"--inplace", "--no-whole-file", "--delete", "--delete-excluded", "--ignore-errors"} <= set(words)
    assert not [word for word in words if isinstance(word, str) and word.startswith(("--link-dest", "--partial-dir"))]


def test_a_preview_never_names_a_tree_to_be_updated_in_place() -> None:
    plan = replace(planned(JOB), in_place=True)

    words = preview_argv(plan, plan.transfers[0], marker="m1")

    assert not {"--inplace", "--delete", "--delete-excluded"} & set(words)
    assert "--link-dest=/s/a" in words
