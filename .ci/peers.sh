#!/usr/bin/env bash
# Installs the published programs that e2e/ runs the connector with: peers.sh DIR
#
# Each gets a Python environment of its own in DIR, because their pinned dependencies contradict each
# other. An environment that is there and complete is kept.
set -euo pipefail

dir=$1
requirements=$(cd "$(dirname "$0")/../e2e/requirements" && pwd)
mkdir -p "$dir"

install_peer() {
  local wanted=$1 venv
  venv=$2/$(basename "$1" .txt)
  cmp -s "$wanted" "$venv/installed.txt" && return
  rm -rf "$venv"
  # A pip of its own for each would take longer to install than what is wanted, and so would resolving:
  # the lists are complete.
  python3 -m venv --without-pip "$venv"
  python3 -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check --no-deps -r "$wanted"
  cp "$wanted" "$venv/installed.txt"
  echo "installed $(basename "$venv")"
}
export -f install_peer

# Half of an installation is spent waiting for the network.
printf '%s\n' "$requirements"/*.txt | xargs -P 3 -I{} bash -euo pipefail -c 'install_peer "$1" "$2"' _ {} "$dir"
