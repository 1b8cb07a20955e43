#!/usr/bin/env bash
# Holds the built connector to what is promised of it: binary.sh FILE
#
# The size is exact. Times are measured and printed; they fail only far beyond the promise, because a
# shared machine can be slow for reasons of its own.
set -euo pipefail

export LC_ALL=C # one form of decimals
binary=$1
most_bytes=15000000
generosity=3

bytes=$(wc -c <"$binary")
printf "size       %6.2f MB   (below 15)\n" "$(awk "BEGIN { print $bytes / 1e6 }")"
[ "$bytes" -lt $most_bytes ]

# A static binary names no interpreter.
if command -v readelf >/dev/null; then
  ! readelf -l "$binary" 2>/dev/null | grep -q INTERP || { echo 'the binary is not static'; exit 1; }
fi

# median COMMAND...: microseconds, of 31 runs
median() {
  local i begin
  for i in {1..31}; do
    begin=${EPOCHREALTIME/./}
    "$@" >/dev/null
    echo $((${EPOCHREALTIME/./} - begin))
  done | sort -n | sed -n 16p
}

promise() {
  local limit=$1 took
  shift
  took=$(median "$binary" "$@")
  printf '%-10s %6.1f ms   (below %d)\n' "$1" "$(awk "BEGIN { print $took / 1000 }")" "$limit"
  [ "$took" -lt $((limit * 1000 * generosity)) ]
}

promise 20 spec
promise 50 discover
