#!/usr/bin/env bash
# From a bare Debian or Ubuntu to a running demo: ./examples/quickstart.sh [what `backupjump demo` takes]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"

install_missing ssh:openssh-client sshd:openssh-server rsync:rsync
make_venv
install_package
say "starting: .venv/bin/backupjump demo${*:+ $*}"
exec "$checkout/.venv/bin/backupjump" demo "$@"
