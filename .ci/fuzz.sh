#!/usr/bin/env bash
# Runs every fuzz target for a while: fuzz.sh TIME. Go fuzzes only one target at a time.
set -euo pipefail

time=$1
count=0
while read -r package; do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 200x "$package"
    count=$((count + 1))
  done
done < <(go list ./...)
echo "$count fuzz targets"
