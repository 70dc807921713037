from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from backupjump.config.telling import Apprise, Channel
from backupjump.notify.memory import Unreached
from backupjump.operations.doctor.finding import FAIL, OK, WARN
from backupjump.operations.doctor.server_channels import channel_finding

AT = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)


def test_a_channel_is_fine_until_something_did_not_get_through() -> None:
    channel = Channel(command=("/bin/tell",))

    good = channel_finding(channel.label, channel, None)
    bad = channel_finding(channel.label, channel, Unreached(since=AT, at=AT, why="it ended with 1"))

    assert (good.check, good.verdict) == ("notify.channel", OK)
    assert (bad.verdict, bad.fix) == (WARN, "backupjump notify test --channel 'command /bin/tell'")
    assert bad.evidence == "command /bin/tell: took no message since 2026-11-28T02:30:00Z: it ended with 1"


def test_a_secret_that_others_may_read_fails_with_what_mends_it(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("ntfy://x\n")
    file.chmod(0o644)
    channel = Channel(apprise=Apprise(url_file=file))

    finding = channel_finding(channel.label, channel, None)

    assert (finding.verdict, finding.fix) == (FAIL, f"chmod 600 {file}")
