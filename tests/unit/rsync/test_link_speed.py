import pytest

from backupjump.rsync.link_speed import LinkSpeed

MB = 1_000_000


def measured(*samples: tuple[float, int]) -> int | None:
    """Return what the link carries by these samples: a time, and the bytes that have come by then."""
    link = LinkSpeed()
    for now, received_bytes in samples:
        link.note(received_bytes, now=now)
    return link.bytes_per_second


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ([], None),
        ([(5.0, 0)], None),
        ([(5.0, 0), (5.5, 100 * MB)], None),
        ([(5.0, 0), (6.0, 7 * MB)], None),
        ([(5.0, 0), (6.0, 8 * MB)], 8 * MB),
        ([(5.0, 0), (21.0, 8 * MB)], MB // 2),
        ([(5.0, 3 * MB), (7.0, 13 * MB)], 5 * MB),
    ],
    ids=["nothing", "no time", "too short", "too little", "both", "slow", "from where it begins"],
)
def test_a_stretch_counts_that_is_long_enough_and_of_enough_bytes(
    samples: list[tuple[float, int]], found: int | None
) -> None:
    assert measured(*samples) == found


def test_the_best_stretch_is_nearest_to_what_the_link_can_do() -> None:
    assert measured((0, 0), (8, 8 * MB), (9, 48 * MB), (29, 58 * MB)) == 40 * MB


def test_the_count_of_another_connection_begins_anew() -> None:
    assert measured((0, 0), (1, 50 * MB), (1.5, 0), (3.5, 20 * MB)) == 50 * MB
    assert measured((0, 0), (0.5, 7 * MB), (1.5, MB), (2.5, 10 * MB)) == 9 * MB
