#!/usr/bin/env bash
# Fails a build when its telemetry shows an out-of-memory failure or a critical leak.
#
#   examples/ci_check.sh RUN_DIRECTORY...
#
# Exit status: 0 none, 1 found, 3 nothing to read (from stormlog itself).
set -euo pipefail

if [ "$#" -eq 0 ]; then
    echo "usage: $0 RUN_DIRECTORY..." >&2
    exit 2
fi

found=$(stormlog query issues "$@" --quiet --csv --sql "
    SELECT kind, hit_count, title FROM issues
    WHERE kind = 'oom' OR (kind = 'hidden_memory_anomaly' AND severity = 'critical')
    ORDER BY kind DESC, hit_count DESC, title")

# The first line holds the column names.
if [ "$(printf '%s\n' "$found" | wc -l)" -gt 1 ]; then
    echo "memory failures in this run:" >&2
    printf '%s\n' "$found" >&2
    exit 1
fi
echo "no memory failures"
