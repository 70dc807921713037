"""What goes away on a JumpNode: lines of earlier enrolments, and a tunnel that stands. Text for sh, as jump_node_sh.py.

Which enrolment a line is of need not be known: its mark begins with the Desktop's name, and it has the Desktop's port
in it. At most one such line stays.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from backupjump.config.checks import read_name, read_tunnel_port
from backupjump.operations.enroll import jump_node_sh as sh
from backupjump.operations.enroll.authorized_keys import TUNNEL, Mark
from backupjump.operations.enroll.jump_node import keys_place, script_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.operations.enroll.jump_node import Accounts

ENDS = """\
LINES='{
    hit = ($1 ~ /^#/) ? 0 : (index($0, ENVIRON["HAS"]) > 0)
    ours = (index($NF, ENVIRON["MARKS"]) == 1 && length($NF) == length(ENVIRON["MARKS"]) + 8)
    goes = (hit && ours && $NF == ENVIRON["KEEP"]) ? 0 : (hit && ours)
  }
  what == "marks" && goes { print $NF }
  what == "foreign" && hit && ours == 0 { print NR }
  what == "rest" && goes == 0 { print }'
lines() {
  MARKS="$1" KEEP="$2" HAS="$3" awk -v what="$4" "$LINES" "$5"
}
drop_others() {
  # account, place, beginning of the marks, the one mark that stays or nothing, what a line that goes has in it
  keys_of "$1" "$2"
  gone= foreign=
  if [ -f "$file" ]; then
    gone=$(lines "$3" "$4" "$5" marks "$file")
    foreign=$(lines "$3" "$4" "$5" foreign "$file")
  fi
  for number in $foreign; do
    say "warning: line $number of $file is not of backupjump and stays, but it has $5 too: look at it"
  done
  if [ -z "$gone" ]; then
    say "$file: no other line $3... is there"
    return 0
  fi
  begin "$1"
  lines "$3" "$4" "$5" rest "$old" >>"$new" || stop "$file can not be read"
  mv -f "$new" "$file" || stop "$file can not be written"
  for each in $gone; do say "$file: took out the line $each"; done
}
LISTENER='$4 == "0A" && $8 == uid && substr($2, length($2) - 4) == ":" port { print $10 }'
HOLDER='/^.proc.[0-9]+.fd:$/ { split($0, part, "/"); pid = part[3] }
  $NF == wanted { print pid }'
end_tunnel() {
  # account, port: its sshd process that listens there, found by the socket. Source: proc_net(5), proc_pid_fd(5)
  owner=$(id -u "$1") || stop "there is no account $1 here"
  at=$(printf '%04X' "$2")
  open=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v uid="$owner" -v port="$at" "$LISTENER")
  if [ -z "$open" ]; then
    say "port $2: no tunnel stands"
    return 0
  fi
  ended=
  for inode in $open; do
    for pid in $(ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v wanted="socket:[$inode]" "$HOLDER" | sort -u); do
      case $(cat "/proc/$pid/comm" 2>/dev/null) in
        sshd | sshd-session) kill "$pid" 2>/dev/null && ended="$ended $pid" ;;
      esac
    done
  done
  for pid in $ended; do
    for try in 1 2 3 4 5 6 7 8 9; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2 2>/dev/null || sleep 1
    done
  done
  if [ -n "$ended" ]; then
    say "port $2: ended the tunnel that stood (sshd process$ended)"
  else
    say "warning: port $2 is held still; find who does, as root: ss -ltnp sport = :$2"
  fi
}
"""


def revoke_script(accounts: Accounts, desktop: str, *, port: int) -> str:
    """Return the script that takes a Desktop's key off the JumpNode and ends its tunnel; root or the account runs it.

    The line goes first: else the laptop is back before it is gone.
    """
    steps = (
        _drop_others(accounts, accounts.tunnel, Mark(TUNNEL, desktop, ""), None, has=_listens_on(port)),
        f"end_tunnel {read_name(accounts.tunnel)} {read_tunnel_port(port)}",
    )
    return _script(steps)


def drop_tunnels_script(accounts: Accounts, *, port: int, keep: Mark) -> str:
    """Return the script that takes out all tunnel lines of a Desktop but that of `keep`; a tunnel that stands stays."""
    return _script((_drop_others(accounts, accounts.tunnel, keep, keep, has=_listens_on(port)),))


def _listens_on(port: int) -> str:
    # Another Server may have a Desktop of this name there; the port is one machine's alone.
    return f'permitlisten="127.0.0.1:{read_tunnel_port(port)}"'


def _drop_others(accounts: Accounts, account: str, of: Mark, keep: Mark | None, *, has: str) -> str:
    beginning = f"backupjump:{of.kind}:{read_name(of.name)}:"
    words = (read_name(account), keys_place(accounts), beginning, "" if keep is None else str(keep), has)
    return f"drop_others {shlex.join(words)}"


def _script(steps: Sequence[str]) -> str:
    return script_of([sh.SAY, sh.KEYS, ENDS], list(steps))
