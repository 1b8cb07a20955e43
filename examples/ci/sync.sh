#!/usr/bin/env bash
# One incremental sync, for schedulers that have no memory of their own, such as CI systems and cron.
#
#   sync.sh target COMMAND...   COMMAND is a Singer target: it prints the state of what it has kept
#   sync.sh loader COMMAND...   COMMAND is any program that reads the messages from its stdin
#
# The state of the last successful sync is in the file $STATE (state/intercom.json). Keep that file
# between the runs. The settings come from the variables TAP_INTERCOM_ACCESS_TOKEN,
# TAP_INTERCOM_START_DATE and so on, so that no file holds the token.
#
# The new state takes the old one's place only when the whole pipeline has succeeded. Whatever fails,
# the next run starts where the last good one ended: it may repeat records, but never misses one.
set -euo pipefail

kind=${1-}
shift || true
state=${STATE:-state/intercom.json}
mkdir -p "$(dirname "$state")"

case $kind in
target)
  tap=(source-intercom --config ENV)
  if [ -s "$state" ]; then tap+=(--state "$state"); fi
  "${tap[@]}" | "$@" | tail -n 1 >"$state.next"
  # A target that has printed nothing has kept nothing new.
  if [ -s "$state.next" ]; then mv "$state.next" "$state"; else rm "$state.next"; fi
  ;;
loader)
  # Into a pipe, --state-file reads $STATE and writes $STATE.next.
  source-intercom --config ENV --state-file "$state" | "$@"
  mv "$state.next" "$state"
  ;;
*)
  echo "sync.sh: say target or loader, and the command" >&2
  exit 2
  ;;
esac
