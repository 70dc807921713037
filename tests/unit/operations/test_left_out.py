import pytest

from backupjump.operations.left_out import News, news
from backupjump.rsync.pulled import Kind, LeftOut, Pulled

SECRET = LeftOut(path=b"home/me/secret", kind=Kind.UNREADABLE, why="Permission denied")
ODD = LeftOut(path=b"home/me/\x1bodd", kind=Kind.UNREADABLE, why="Permission denied")
HALF = LeftOut(path=b"home/me/half", kind=Kind.NOT_WHOLE, why="Operation not permitted")
LARGE = LeftOut(path=b"home/me/vm.img", kind=Kind.TOO_LARGE, why="larger than 1000 bytes")


@pytest.mark.parametrize(
    ("left_out", "known", "expected"),
    [
        ((SECRET,), (), News(warning=True, lines=("unreadable: /home/me/secret: Permission denied",))),
        (
            (SECRET, ODD, HALF),
            (SECRET, ODD, HALF),
            News(
                warning=False,
                lines=(
                    "2 paths are unreadable, as before: /home/me/\\x1bodd, /home/me/secret",
                    "1 path is not kept whole, as before: /home/me/half",
                ),
            ),
        ),
        (
            (SECRET, HALF),
            (SECRET,),
            News(
                warning=True,
                lines=(
                    "not kept whole: /home/me/half: Operation not permitted",
                    "1 path is unreadable, as before: /home/me/secret",
                ),
            ),
        ),
        (
            (SECRET, LARGE),
            (SECRET,),
            News(
                warning=False,
                lines=(
                    "left out, too large: /home/me/vm.img: larger than 1000 bytes",
                    "1 path is unreadable, as before: /home/me/secret",
                ),
            ),
        ),
    ],
)
def test_only_news_makes_a_run_a_warning(
    left_out: tuple[LeftOut, ...], known: tuple[LeftOut, ...], expected: News
) -> None:
    assert news(Pulled(warning=True, left_out=left_out), known={each.path for each in known}) == expected


def test_what_is_left_out_by_a_rule_is_told_once_and_is_no_warning() -> None:
    assert news(Pulled(left_out=(LARGE,)), known=()) == News(
        warning=False, lines=("left out, too large: /home/me/vm.img: larger than 1000 bytes",)
    )
    assert news(Pulled(left_out=(LARGE,)), known=(LARGE.path,)).lines == (
        "1 path is left out, too large, as before: /home/me/vm.img",
    )


def test_many_as_before_are_one_line() -> None:
    left_out = tuple(LeftOut(path=b"%d" % number, kind=Kind.UNREADABLE) for number in range(1200))

    found = news(Pulled(warning=True, left_out=left_out), known={each.path for each in left_out})

    assert found == News(warning=False, lines=("1,200 paths are unreadable, as before: /0, /1, /10, …",))


@pytest.mark.parametrize(("remarks", "known"), [((), ()), (("rsync: odd",), (SECRET.path,))])
def test_a_warning_that_names_no_path_is_always_news(remarks: tuple[str, ...], known: tuple[bytes, ...]) -> None:
    left_out = (SECRET,) if known else ()

    found = news(Pulled(warning=True, left_out=left_out, remarks=remarks), known=known)

    assert found.warning
    assert found.lines[0] == (remarks[0] if remarks else "rsync left something out and did not say what")


def test_a_run_with_nothing_left_out_has_nothing_to_tell() -> None:
    assert news(Pulled(), known=()) == News(warning=False, lines=())
