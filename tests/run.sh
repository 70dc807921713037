#!/usr/bin/env bash
# All that a change must pass: format, lint, types, layers and every test, the lab included.
#   ./tests/run.sh          a fixed sample of everything
#   ./tests/run.sh --all    the long form: more crash points, more histories
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../examples/install.sh"

for_the_program=(ssh:openssh-client sshd:openssh-server rsync:rsync)
for_the_tests=(
  mount:mount ip:iproute2 setfacl:acl zstdcat:zstd strace:strace
  mkfs.ext4:e2fsprogs mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs
  man:man-db systemd-analyze:systemd sqlite3:sqlite3 /usr/share/zoneinfo/Europe/Paris:tzdata
)

# Any Chromium will do for the report page; Debian's build without windows is the smallest.
command -v chromium google-chrome >/dev/null || for_the_tests+=(chromium-headless-shell:chromium-headless-shell)

case "${1-}" in
"") ;;
--all) for_the_tests+=(cron:cron faketime:faketime pg_createcluster:postgresql mariadbd:mariadb-server) ;;
*) stop "usage: ./tests/run.sh [--all]" ;;
esac

step() {
  say "$1"
  "${@:2}" || stop "tests/run.sh: $1: failed"
}

install_missing "${for_the_program[@]}" "${for_the_tests[@]}"
make_venv
install_package dev

cd "$checkout"
PATH=$checkout/.venv/bin:$PATH
# The tests start the program thousands of times; where Python may write no bytecode, each start would compile it all.
python -m compileall -q backupjump tests
step "format (ruff format --check)" ruff format --check .
step "lint (ruff check)" ruff check .
step "types (mypy)" mypy
step "layers (lint-imports)" lint-imports
say "tests (pytest)"
# The lab waits for links, disks and limits much of the time: two workers more than processors use it.
exec python -m pytest --numprocesses "$(($(nproc) + 2))" --dist worksteal "$@" # its summary is the last line
