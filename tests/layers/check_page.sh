#!/usr/bin/env bash
# docs/interposed-functions.md is what `waitprof functions --markdown` prints of the built library.
#
#   check_page.sh WAITPROF LIBRARY PAGE
#
# Prints the difference and returns 1 if there is one. The page is that of x86-64: elsewhere 77.
set -euo pipefail

readonly waitprof=$1 library=$2 page=$3

if [[ $(uname -m) != x86_64 ]]; then
    echo "skipped: the page is of x86-64, where libc has old versions of some functions"
    exit 77
fi
WAITPROF_LIBRARY=$library "$waitprof" functions --markdown | diff "$page" - || {
    echo "write it anew: waitprof functions --markdown >docs/interposed-functions.md"
    exit 1
}
