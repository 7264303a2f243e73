#!/usr/bin/env bash
# Runs the measurements in a directory of their own, and leaves nothing behind: bench.sh BUILD-DIRECTORY
set -eu

entries=${BENCH_ENTRIES:-1000000}

# Where the runtime directory of a user usually is: in memory. A million entries take about two gigabytes.
place=${TMPDIR:-/tmp}
if [ -w /dev/shm ] && [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt $((4 << 20)) ]; then
    place=/dev/shm
fi
directory=$(mktemp -d "$place/vcache-bench.XXXXXX")
trap 'rm -rf "$directory"' EXIT
trap 'exit 130' INT TERM HUP

BENCH_NGINX=$(cd "$(dirname "$0")" && pwd)/nginx.sh
export BENCH_NGINX
"$1/tests/bench/bench" "$1" "$directory" "$entries"
