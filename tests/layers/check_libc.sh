#!/usr/bin/env bash
# Every function that the C library in use exports is wrapped, or left out for a reason, or cannot
# wait: nothing that blocks is missing from the profiles unknown to us.
#
#   check_libc.sh LIBC LIST CANNOT_WAIT
#
# LIST prints what libwaitprof.so wraps (list_functions.c). CANNOT_WAIT names functions, one a line,
# sorted. Prints one line for each breach and returns 1 if there are any.
set -euo pipefail

readonly libc=$1 list=$2 cannot_wait=$3
export LC_ALL=C

# Programs cannot link against what is GLIBC_PRIVATE alone: libc's other parts use it.
exported_functions()
{
    nm -D --defined-only "$libc" |
        awk '$2 ~ /^[TWi]$/ && $3 !~ /@GLIBC_PRIVATE$/ { sub(/@.*/, "", $3); print $3 }' | sort -u
}

names_of()
{
    "$list" "$@" | sed 's/@.*//' | sort -u
}

# in_both FILE FILE TEXT
in_both()
{
    comm -12 "$1" "$2" | sed "s|\$|: $3|"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
exported_functions >"$scratch/libc"
names_of exported >"$scratch/wrapped"
names_of needed >"$scratch/needed"
names_of left_out >"$scratch/left_out"
grep -v '^#' "$cannot_wait" >"$scratch/cannot_wait" || true

breaches=$(
    [[ -s $scratch/libc ]] || echo "$libc exports no function"
    sort -cu "$scratch/cannot_wait" 2>&1 | sed "s|.*disorder: |$cannot_wait is not sorted: |"
    sort -u "$scratch"/{wrapped,needed,left_out,cannot_wait} >"$scratch/known"
    comm -23 "$scratch/libc" "$scratch/known" |
        sed 's|$|: can it wait? Wrap it, or give the reason in interpose/functions/left_out.def,'"\
 or name it in ${cannot_wait##*/}|"
    in_both "$scratch/wrapped" "$scratch/left_out" 'wrapped and left out'
    in_both "$scratch/wrapped" "$scratch/cannot_wait" "wrapped, and in ${cannot_wait##*/}"
    in_both "$scratch/left_out" "$scratch/cannot_wait" "left out, and in ${cannot_wait##*/}"
    "$list" left_out | sort | uniq -d | sed 's|$|: left out twice|'
)
[[ -z $breaches ]] || { echo "$breaches"; exit 1; }
