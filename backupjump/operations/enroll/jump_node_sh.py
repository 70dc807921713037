"""The functions of the JumpNode's script, in the sh of POSIX with mktemp, getent and useradd.

No tab and no exclamation mark, which an interactive shell would act on: it is pasted into one.
"""

from __future__ import annotations

END = "BACKUPJUMP_SCRIPT_ENDS"

SAY = """\
set -u
umask 077
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

say() {
  printf '%s\\n' "$*"
}
stop() {
  printf 'stopped: %s\\n' "$*" >&2
  exit 1
}
"""

KEYS = """\
home_of() {
  getent passwd "$1" | cut -d: -f6
}
keys_of() {
  # account, place or nothing
  if [ -n "$2" ]; then
    file=$(printf '%s\\n' "$2" | sed "s/%u/$1/g")
  else
    home=$(home_of "$1")
    [ -n "$home" ] || stop "there is no account $1 here"
    file=$home/.ssh/authorized_keys
    if [ -h "$home/.ssh" ]; then stop "$home/.ssh is a link"; fi
    [ -d "$home/.ssh" ] || {
      mkdir -m 700 "$home/.ssh" || stop "$home/.ssh can not be made"
      give "$1" "$home/.ssh"
    }
  fi
  if [ -h "$file" ]; then stop "$file is a link"; fi
}
give() {
  # account, path: only root can, and only root has to
  if [ "$(id -u)" = 0 ]; then
    chown -h "$1:$(id -gn "$1")" "$2" || stop "$2 can not be given to $1"
  fi
}
check_port() {
  # account, place, Desktop, port
  keys_of "$1" "$2"
  [ -f "$file" ] || return 0
  other=$(NAME="$3" PORT="$4" awk "$PORT_OF_ANOTHER" "$file")
  [ -z "$other" ] || stop "port $4 is taken by the line $other; on the Server: backupjump enroll new $3 --port N"
}
PORT_OF_ANOTHER='substr($1, 1, 1) == "#" { next }
  index($NF, "backupjump:tunnel:") == 1 {
    split($NF, part, ":")
    if (part[3] == ENVIRON["NAME"]) next
    if (index($0, "permitlisten=\\"127.0.0.1:" ENVIRON["PORT"] "\\"")) print $NF }'
put_line() {
  # account, place, mark, line: in the place of the line with that mark, else at the end
  keys_of "$1" "$2"
  if [ -f "$file" ] && grep -qxF -e "$4" "$file"; then
    say "$file: the line $3 is there"
    return 0
  fi
  begin "$1"
  MARK=" $3" awk "$NOT_MARKED" "$old" >>"$new" || stop "$file can not be read"
  printf '%s\\n' "$4" >>"$new"
  mv -f "$new" "$file" || stop "$file can not be written"
  say "$file: wrote the line $3"
}
drop_line() {
  # account, place, mark
  keys_of "$1" "$2"
  if [ -f "$file" ] && grep -q -e " $(printf '%s' "$3" | sed 's/[.]/[.]/g')\\$" "$file"; then
    begin "$1"
    MARK=" $3" awk "$NOT_MARKED" "$old" >>"$new" || stop "$file can not be read"
    mv -f "$new" "$file" || stop "$file can not be written"
    say "$file: took out the line $3"
  else
    say "$file: the line $3 is not there"
  fi
}
NOT_MARKED='{ at = length($0) - length(ENVIRON["MARK"]) + 1
  if (at > 0 && substr($0, at) == ENVIRON["MARK"]) next
  print }'
begin() {
  # account: make $new, empty, with owner and mode of $file; $old is what to read
  old=$file
  [ -f "$file" ] || old=/dev/null
  new=$(mktemp "$file.XXXXXX") || stop "$file can not be written"
  if [ -f "$file" ]; then
    cp -p "$file" "$new" || stop "$file can not be read"
    : >"$new"
  else
    give "$1" "$new"
  fi
}
"""

SET_UP = """\
main_file=/etc/ssh/sshd_config
place=/etc/ssh/sshd_config.d/backupjump.conf
need_root() {
  [ "$(id -u)" = 0 ] || stop "this needs root: two accounts and the limits of sshd are set up"
}
check_sshd() {
  sshd=$(command -v sshd) || stop "there is no sshd here; install openssh-server"
  [ -d /run/sshd ] || mkdir -m 755 /run/sshd
  "$sshd" -t || stop "sshd does not take its own config as it is; nothing was changed"
}
account() {
  if getent passwd "$1" >/dev/null; then
    # The limits would take a person's shell away, unless they hold already and it is that way for a reason.
    case $(getent passwd "$1" | cut -d: -f7) in
      */nologin | */false) ;;
      *) [ -f "$place" ] || stop "the account $1 is there and has a shell. Not a person's? then here, and once more:
  usermod --shell $(command -v nologin || echo /bin/false) $1
A person's? then another name, on the Server: backupjump enroll new with --tunnel-user or --user" ;;
    esac
    say "account $1: is there"
  else
    shell=$(command -v nologin) || shell=/bin/false
    # A star is no password and no lock: sshd without PAM lets nobody in as an account that is locked.
    useradd --create-home --shell "$shell" --password '*' "$1" || stop "the account $1 can not be made"
    say "account $1: made"
  fi
}
limits() {
  if grep -Eiq '^[[:space:]]*Include[[:space:]].*(/etc/ssh/)?sshd_config[.]d/[*][.]conf' "$main_file"; then :; else
    stop "$main_file has no line: Include /etc/ssh/sshd_config.d/*.conf; put it at the top, then once more"
  fi
  if [ -f "$place" ] && [ "$(cat "$place")" = "$1" ]; then
    say "$place: is there"
    # Written by a run that was cut off before sshd read it?
    if [ -e /run/sshd.pid ] && [ "$place" -nt /run/sshd.pid ]; then reload; fi
    return 0
  fi
  kept=
  if [ -f "$place" ]; then
    kept=$(mktemp "$place.XXXXXX") || stop "$place can not be kept"
    cp -p "$place" "$kept" || stop "$place can not be kept"
  fi
  fresh=$(mktemp "$place.XXXXXX") || stop "$place can not be written"
  printf '%s\\n' "$1" >"$fresh" || stop "$place can not be written"
  chmod 644 "$fresh"
  mv -f "$fresh" "$place" || stop "$place can not be written"
  if "$sshd" -t; then
    [ -z "$kept" ] || rm -f "$kept"
    say "$place: written"
    reload
  else
    if [ -n "$kept" ]; then mv -f "$kept" "$place"; else rm -f "$place"; fi
    stop "sshd does not take $place; it is as it was before"
  fi
}
reload() {
  if [ -d /run/systemd/system ]; then
    for unit in ssh sshd; do
      if systemctl try-reload-or-restart "$unit.service" 2>/dev/null; then
        say "sshd: reloaded"
        return 0
      fi
    done
  fi
  for pid_file in /run/sshd.pid /var/run/sshd.pid; do
    if [ -s "$pid_file" ] && kill -HUP "$(cat "$pid_file")" 2>/dev/null; then
      say "sshd: reloaded"
      return 0
    fi
  done
  if service ssh reload >/dev/null 2>&1 || service sshd reload >/dev/null 2>&1; then
    say "sshd: reloaded"
  else
    say "warning: sshd could not be reloaded; restart it, else its limits do not hold yet"
  fi
}
check_limits() {
  # sessions of a tunnel, tunnel account, hop account or nothing: what counts is what sshd makes of all of its files
  applied "$2" remote "$1"
  [ -z "${3:-}" ] || applied "$3" local 0
}
applied() {
  # account, forwarding, sessions
  told=$("$sshd" -T -C "user=$1,host=localhost,addr=127.0.0.1" 2>/dev/null) || {
    say "warning: what holds for $1 could not be looked at: sshd -T -C user=$1,host=localhost,addr=127.0.0.1"
    return 0
  }
  for wanted in "allowtcpforwarding $2" "maxsessions $3" "forcecommand /usr/sbin/nologin" "permittty no" \\
    "gatewayports no" "allowstreamlocalforwarding no"; do
    printf '%s\\n' "$told" | grep -qx -e "$wanted" ||
      say "warning: for $1 sshd does not say: $wanted; another file in /etc/ssh says otherwise"
  done
}
"""
