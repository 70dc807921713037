"""The JumpNode's script, run by sh on files of a test: what is there stays, what is cut off does nothing."""

import getpass
import subprocess
from pathlib import Path

import pytest

from backupjump.operations.enroll.authorized_keys import HOP, TUNNEL, Mark, hop_line, tunnel_line
from backupjump.operations.enroll.jump_node import Accounts, KeyChange, keys_script, set_up_script, snippet, to_paste
from enroll_world import HOP_KEY, TUNNEL_KEY

MARK = Mark(TUNNEL, "lap.top", "0123abcd")
LINE = tunnel_line(MARK, TUNNEL_KEY, port=2020, expires=None)
FOREIGN = b"# mine \\n $(id) `id` 'x' \"y\"\n\nssh-ed25519 AAAA backupjump:tunnel:lapXtop:0123abcd\n"
ME = getpass.getuser()


def run(script: str, *shell: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(shell or ["sh", "-s"], input=script, capture_output=True, text=True, timeout=30, check=False)


def script(file: Path, change: KeyChange) -> str:
    return keys_script(Accounts(keys_file=str(file)), [change])


def test_a_line_is_added_once_and_every_other_one_stays(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(FOREIGN)
    file.chmod(0o640)
    text = script(file, KeyChange(account=ME, lines=(LINE,)))

    first, second = run(text), run(text)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert f"{file}: wrote the line {MARK}\n" == first.stdout
    assert f"{file}: the line {MARK} is there\n" == second.stdout
    assert file.read_bytes() == FOREIGN + LINE.encode() + b"\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_file_that_is_not_there_is_made_private(tmp_path: Path) -> None:
    file = tmp_path / f"{ME}.keys"

    done = run(script(tmp_path / "%u.keys", KeyChange(account=ME, lines=(LINE,))))

    assert done.returncode == 0, done.stderr
    assert file.read_text() == LINE + "\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_of_the_same_enrolment_is_replaced_and_one_of_another_is_not(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(FOREIGN + tunnel_line(MARK, TUNNEL_KEY, port=2021, expires=None).encode())

    run(script(file, KeyChange(account=ME, lines=(LINE,))))

    assert file.read_bytes() == FOREIGN + LINE.encode() + b"\n"


def test_a_line_is_taken_out_by_its_whole_mark(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(FOREIGN + LINE.encode() + b"\n")
    text = script(file, KeyChange(account=ME, drop=(MARK,)))

    first, second = run(text), run(text)

    assert "took out the line" in first.stdout
    assert "is not there" in second.stdout
    assert file.read_bytes() == FOREIGN


def test_nothing_is_done_where_another_desktop_has_the_port(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    other = tunnel_line(Mark(TUNNEL, "other", "99999999"), HOP_KEY, port=2020, expires=None)
    same = tunnel_line(Mark(TUNNEL, "lap.top", "99999999"), HOP_KEY, port=2020, expires=None)
    change = KeyChange(account=ME, lines=(LINE,), port=2020)

    file.write_text(f"# {other}\n{other}\n")
    refused = run(script(file, change))
    left_alone = file.read_text()
    file.write_text(f"# {other}\n{same}\n{other.replace('2020', '20200')}\n")
    taken = run(script(file, change))

    assert refused.returncode == 1
    assert "port 2020 is taken by the line backupjump:tunnel:other:99999999" in refused.stderr
    assert left_alone == f"# {other}\n{other}\n"
    assert taken.returncode == 0, taken.stderr


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("theirs")
    (tmp_path / "keys").symlink_to("elsewhere")

    done = run(script(tmp_path / "keys", KeyChange(account=ME, lines=(LINE,))))

    assert done.returncode == 1
    assert "is a link" in done.stderr
    assert (tmp_path / "elsewhere").read_text() == "theirs"


def test_a_script_that_is_cut_off_does_nothing(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    text = script(file, KeyChange(account=ME, lines=(LINE,)))
    calls = text.index("main() {")

    for cut in (*range(calls, len(text) - 16, 40), len(text) - 17, calls // 2):
        run(text[:cut])
        assert not file.exists(), text[:cut][-60:]


def test_what_is_pasted_leaves_the_shell_alive_and_is_plain_text(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    pasted = to_paste(script(file, KeyChange(account=ME, lines=(LINE,))))

    done = run(pasted + "echo alive\n", "sh", "-s")
    stopped = run(to_paste("exit 3\n") + "echo alive\n", "sh", "-s")

    assert done.stdout.endswith("alive\n")
    assert stopped.stdout == "alive\n"
    assert file.read_text() == LINE + "\n"
    whole = to_paste(set_up_script(Accounts(), [KeyChange(account="tunnel", lines=(LINE,))]))
    assert "\t" not in whole
    assert "!" not in whole
    assert whole.isascii()
    assert max(map(len, whole.splitlines())) < 4096  # what a terminal takes in one line


def test_the_whole_script_is_good_sh() -> None:
    hop = hop_line(Mark(HOP, "jumpnode", "0123abcd"), HOP_KEY)
    whole = set_up_script(
        Accounts(), [KeyChange(account="tunnel", lines=(LINE,)), KeyChange(account="bjserver", lines=(hop,))]
    )

    for shell in (["sh", "-n"], ["bash", "-n"]):
        assert run(whole, *shell).returncode == 0
    assert "account tunnel\n  account bjserver\n" in whole
    assert whole.count("put_line ") == 2


def test_no_key_gets_in_before_the_limits_of_its_account_hold() -> None:
    change = KeyChange(account="tunnel", lines=(LINE,), port=2020)

    body = set_up_script(Accounts(), [change]).partition("main() {")[2]

    steps = [line.split()[0] for line in body.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    wanted = ["check_port", "limits", "put_line", "check_limits"]
    assert [step for step in steps if step in wanted] == wanted


def test_the_snippet_names_both_accounts_and_leaves_no_way_but_loopback_ports() -> None:
    text = snippet(Accounts(tunnel="tun", hop="bj"))

    assert "Match User tun,bj\n" in text
    tunnel, hop = (text.partition(f"Match User {name}\n")[2].partition("Match ")[0] for name in ("tun", "bj"))
    # In the one session that a tunnel gets nothing but nologin runs, and no terminal comes with it.
    assert "  MaxSessions 1\n" in tunnel
    assert "  MaxSessions 0\n" in hop
    assert text.count("MaxSessions") == 2
    assert "  ForceCommand /usr/sbin/nologin\n" in text.partition("Match User tun\n")[0]
    assert "  PermitTTY no\n" in text.partition("Match User tun\n")[0]
    assert "  PermitListen 127.0.0.1:* localhost:*\n  PermitOpen none\n" in text
    assert "  PermitListen none\n  PermitOpen 127.0.0.1:* localhost:*\n" in text
    assert text.endswith("Match all\n")


def test_a_server_where_tunnels_end_has_one_account_and_nobody_reaches_a_port_from_outside() -> None:
    here = Accounts(hop="")

    whole = set_up_script(here, [KeyChange(account="tunnel", lines=(LINE,))])

    assert run(whole, "sh", "-n").returncode == 0
    assert "Match User tunnel\n  AllowAgentForwarding no\n" in whole
    assert "AllowTcpForwarding local" not in whole
    assert "bjserver" not in whole
    assert "check_limits 0 tunnel\n" in whole
    assert "  MaxSessions 0\n" in whole
    assert "MaxSessions 1" not in whole


@pytest.mark.parametrize(("tunnel", "hop"), [("root", "bjserver"), ("tunnel", "root"), ("one", "one")])
def test_nobody_is_locked_out_of_the_machine(tunnel: str, hop: str) -> None:
    with pytest.raises(ValueError, match="two accounts of their own"):
        set_up_script(Accounts(tunnel=tunnel, hop=hop), [])


@pytest.mark.parametrize("account", ["a b", "-x", "a;id", "a\nb", "$(id)", ""])
def test_no_account_s_name_gets_in_that_sh_could_take_for_code(account: str) -> None:
    with pytest.raises(ValueError, match=r"may hold|empty"):
        set_up_script(Accounts(tunnel=account), [])
    with pytest.raises(ValueError, match=r"may hold|empty"):
        keys_script(Accounts(), [KeyChange(account=account, lines=(LINE,))])


@pytest.mark.parametrize("place", ["keys", "/a b", "/a'b", "/a%h", "/a$b", "/%u/%u"])
def test_no_place_for_keys_gets_in_that_is_none(place: str) -> None:
    with pytest.raises(ValueError, match="is not a place for keys"):
        keys_script(Accounts(keys_file=place), [KeyChange(account="tunnel", lines=(LINE,))])
