#!/usr/bin/env bash
# include/waitprof.h compiles alone, without a warning, in every language that programs are in.
#
#   check_public_header.sh HEADER
set -euo pipefail

readonly header=$1
tried=0
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    for language in 'c c99' 'c c11' 'c++ c++11' 'c++ c++20'; do
        read -r name standard <<<"$language"
        "$compiler" -x "$name" -std="$standard" -pedantic -Wall -Wextra \
            -Werror -fsyntax-only - <<<"#include \"$header\"" ||
            { echo "$header does not compile with $compiler as $standard"; exit 1; }
        tried=$((tried + 1))
    done
done
((tried > 0)) || { echo "neither gcc nor clang is here"; exit 1; }
