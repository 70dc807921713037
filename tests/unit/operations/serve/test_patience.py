from __future__ import annotations

from backupjump.operations.serve.patience import Patience


def test_a_desktop_that_lets_us_wait_each_time_gets_a_tenth_of_the_time() -> None:
    patience, now, waited = Patience(), 0.0, 0.0

    while now < 3600:
        if patience.is_over("laptop", now=now):
            now += 1
        else:
            now, waited = now + 15, waited + 15
            patience.waited_in_vain("laptop", since=now - 15, now=now)

    assert waited < 3600 / 10 + 3 * 15
    assert not patience.is_over("another", now=now)


def test_one_that_hangs_up_now_and_then_is_asked_as_before() -> None:
    patience = Patience()

    for now in range(0, 600, 20):
        patience.waited_in_vain("laptop", since=now - 15, now=now)
        if now % 40:
            patience.answered("laptop")

        assert not patience.is_over("laptop", now=now)
