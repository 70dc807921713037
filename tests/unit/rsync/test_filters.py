from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backupjump.errors import ConfigError
from backupjump.process import run
from backupjump.rsync.filters import DEFAULT_EXCLUDES, filter_rules


@pytest.mark.parametrize(
    ("pattern", "rules"),
    [
        ("*.tmp", ("- *.tmp",)),
        ("a/b", ("- a/b",)),
        ("/home/me/.cache/", ("- /.cache/",)),
        ("/home/me/x", ("- /x",)),
        ("/home/me/x/***", ("- /x/***",)),
        ("/home/*/tmp", ("- /tmp",)),
        ("/home/m?/tmp", ("- /tmp",)),
        ("/home/[a-n]e/tmp", ("- /tmp",)),
        ("/home/[!a-n]e/tmp", ()),
        ("/*/*/tmp/", ("- /tmp/",)),
        ("/home/*", None),
        ("/home/me/*", ("- /*",)),
        ("/home/me/**", ("- /**",)),
        ("/home/**/tmp", ("- **/tmp", "- /tmp")),
        ("/home/you/x", ()),
        ("/home/meme", ()),
        ("/home/meme/x", ()),
        ("/home/m*e/x", ("- /x",)),
        ("/hom*/x", ()),
        ("/srv", ()),
        (r"/home/*/a\\b", (r"- /a\b",)),
        (r"/home/me/a\\b", (r"- /a\\b",)),
        (r"/home/*/a\[b\]*", (r"- /a\[b\]*",)),
        (r"/home/*/a\*b", (r"- /a\*b",)),
        ("/home/me", None),
        ("/home/me/", None),
        ("/home/me/***", None),
        ("/home", None),
        ("/home/", None),
        ("/**", None),
        ("/", None),
        ("!", ("- !",)),
        ("- x", ("- - x",)),
        ("+ x", ("- + x",)),
        (" lead", ("-  lead",)),
        ("--delete", ("- --delete",)),
        (". /etc/passwd", ("- . /etc/passwd",)),
    ],
)
def test_a_full_path_becomes_a_path_below_the_source(pattern: str, rules: tuple[str, ...] | None) -> None:
    if rules is None:
        with pytest.raises(ConfigError, match="leaves out the whole source '/home/me'"):
            filter_rules("/home/me", exclude=[pattern], default_excludes=False)
    else:
        assert filter_rules("/home/me", exclude=[pattern], default_excludes=False) == rules


def test_a_full_path_below_the_root_stays_as_it_is() -> None:
    assert filter_rules("/", exclude=["/home/me/.cache/", "/a*"], default_excludes=False) == (
        "- /home/me/.cache/",
        "- /a*",
    )


def test_includes_come_first_and_the_defaults_last() -> None:
    rules = filter_rules("/home/me", exclude=["*.iso"], include=["/home/me/keep.iso", ".cache/"])

    assert rules[:3] == ("+ /keep.iso", "+ .cache/", "- *.iso")
    assert rules[3:] == tuple(f"- {pattern}" for pattern in DEFAULT_EXCLUDES)


@pytest.mark.parametrize(
    ("pattern", "rules"), [("/home/me/***", ("+ /***",)), ("/home/***", ("+ /***",)), ("/home/me/", ()), ("/home/", ())]
)
def test_an_include_may_name_the_source_itself(pattern: str, rules: tuple[str, ...]) -> None:
    assert filter_rules("/home/me", exclude=[], include=[pattern], default_excludes=False) == rules


@pytest.mark.parametrize("pattern", DEFAULT_EXCLUDES)
def test_the_defaults_name_folders_only_and_are_literal_enough(pattern: str) -> None:
    assert pattern.endswith("/")
    assert not pattern.startswith(("/", "*"))


# Every name that the patterns below could mean, and some that they could not.
NAMES = ("a", "ab", "b", "a*", "a\\b", "[a]")
PIECES = st.sampled_from(
    ["a", "b", "ab", "*", "?", "**", "[ab]", "[!b]", "a*", "*b", r"\*", r"a\b", r"\[a\]", "a**", "***"]
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small whole Desktop: three levels, each name in each folder."""
    root = tmp_path_factory.mktemp("desktop")
    for first in NAMES[:3]:
        for second in NAMES[:3]:
            for third in NAMES:
                folder = root / first / second / third
                folder.mkdir(parents=True)
                (folder / "a").touch()
    return root


def listed(root: Path, *rules: str) -> set[str]:
    argv = ["rsync", "-r", "--list-only", "--no-h", *(f"--filter={rule}" for rule in rules), f"{root}/"]
    lines = run(argv, timeout=20).stdout.decode().splitlines()
    return {line.split(maxsplit=4)[4] for line in lines} - {"."}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, min_size=2, max_size=4), folder=st.sampled_from(["", "/"]))
def test_rsync_leaves_out_the_same_as_if_it_pulled_the_whole_desktop(
    world: Path, pieces: list[str], folder: str
) -> None:
    pattern = "/" + "/".join(pieces) + folder
    source = "/a/b"

    whole = {name.removeprefix("a/b/") for name in listed(world, f"- {pattern}") if name.startswith("a/b/")}
    try:
        rules = filter_rules(source, exclude=[pattern], default_excludes=False)
    except ConfigError:
        ours = set()
    else:
        ours = listed(world / "a/b", *rules)

    assert ours == whole
