# shellcheck shell=bash
# Get the packages and the .venv that a checkout needs. quickstart.sh and tests/run.sh source this file.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PATH=$PATH:/usr/sbin:/sbin # sshd and mkfs stand there, outside a plain user's PATH

say() { printf '== %s\n' "$*"; }

stop() {
  printf '%s\n' "$@" >&2
  exit 1
}

# The first Python that is new enough and can make a virtual environment (Debian keeps ensurepip in python3-venv). The
# system's own comes first: all users here can start it, which one below a home is closed to, and it is built for speed,
# which few are that pyenv made (1.5 times as slow, measured).
find_python() {
  local candidate
  for candidate in /usr/bin/python3 python3; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

may_install() {
  command -v apt-get >/dev/null || return 1
  if [ "$(id -u)" -eq 0 ]; then return; fi
  command -v sudo >/dev/null || return 1
  if sudo -n true 2>/dev/null; then return; fi
  [ -t 0 ] && id -nG | grep -qwE 'sudo|admin|wheel' # a person is there to type the password
}

brings_sshd() { [[ " $* " == *" openssh-server "* ]]; }
brings_databases() { [[ " $* " =~ \ (postgresql|mariadb-server)\  ]]; }

# apt-get install, with the servers among the packages kept from starting. A subshell, so that the trap ends with it.
apt_install() (
  policy=/usr/sbin/policy-rc.d
  if { brings_sshd "$@" || brings_databases "$@"; } && [ ! -e "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    # invoke-rc.d and deb-systemd-invoke ask this file; 101 means: do not start it.
    printf '#!/bin/sh\ncase "$*" in *ssh* | *postgresql* | *mariadb*) exit 101 ;; esac\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
)

# keep_stopped SERVICE UNIT... is only for a server that we have just brought: a reboot must not start it either.
keep_stopped() {
  local now=()
  if [ -d /run/systemd/system ]; then now=(--now); fi # else there is no systemd to talk to
  if command -v systemctl >/dev/null; then
    as_root systemctl --quiet disable "${now[@]}" "${@:2}"
  else
    as_root update-rc.d "$1" disable
  fi
}

keep_port_22_closed() {
  keep_stopped ssh ssh.service ssh.socket
  say "openssh-server is installed but not started: nothing listens on port 22 because of us" \
    "(to have it: sudo systemctl enable --now ssh)"
}

keep_databases_stopped() {
  local package
  for package in "$@"; do
    case $package in
    postgresql) keep_stopped postgresql postgresql.service ;;
    mariadb-server) keep_stopped mariadb mariadb.service ;;
    *) continue ;;
    esac
    say "$package is installed but not started: the tests start servers of their own"
  done
}

name_the_missing() {
  local lines=("missing on this machine: $*"
    "install that, or ask someone who may, then start this again:"
    "  sudo apt-get update && sudo apt-get install --no-install-recommends $*")
  if brings_sshd "$@"; then
    lines+=("openssh-server then listens on port 22; to end that: sudo systemctl disable --now ssh.service ssh.socket")
  fi
  if brings_databases "$@"; then
    lines+=("the database servers then run; to end that: sudo systemctl disable --now postgresql mariadb")
  fi
  stop "${lines[@]}"
}

# install_missing PROGRAM:PACKAGE... installs the packages whose program (or file, by its full path) is not there, and
# python3-venv if need be.
install_missing() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || [ -e "${pair%%:*}" ] || missing+=("${pair##*:}")
  done
  find_python >/dev/null || missing+=(python3-venv)
  if [ ${#missing[@]} -eq 0 ]; then return; fi

  if ! may_install; then name_the_missing "${missing[@]}"; fi
  say "installing with apt: ${missing[*]}"
  apt_install "${missing[@]}"
  if brings_sshd "${missing[@]}"; then keep_port_22_closed; fi
  keep_databases_stopped "${missing[@]}"
}

# A .venv that was moved, whose Python has gone, or that is too old is made anew.
venv_is_sound() {
  "$checkout/.venv/bin/pip" --version 2>/dev/null | grep -qF "from $checkout/.venv/" &&
    "$checkout/.venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'
}

make_venv() {
  local python
  if venv_is_sound; then return; fi
  python=$(find_python) || stop "no Python 3.11 or newer here; Debian 12, Ubuntu 24.04 and newer have one"
  say "making .venv with $("$python" --version)"
  "$python" -m venv --clear "$checkout/.venv"
}

# install_package [EXTRA] puts backupjump into .venv, editable; nothing happens while pyproject.toml is as it was.
install_package() {
  local stamp=$checkout/.venv/installed-${1:-plain}.toml
  if cmp -s "$checkout/pyproject.toml" "$stamp"; then return; fi
  say "installing backupjump${1:+[$1]} into .venv (about a minute)"
  "$checkout/.venv/bin/pip" install --quiet --disable-pip-version-check --editable "$checkout${1:+[$1]}"
  cp "$checkout/pyproject.toml" "$stamp"
}
