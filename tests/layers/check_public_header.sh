#!/usr/bin/env bash
# include/waitprof.h compiles alone, without a warning, in every language that programs are in, and
# its functions do nothing where the library is not loaded and what they say where it is.
#
#   check_public_header.sh HEADER [LIBRARY]      without LIBRARY it is only compiled
set -euo pipefail

readonly header=$1 library=${2:-}
tried=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat >"$scratch/rates.c" <<END
#include "$header"
#include <stdio.h>
int main(void)
{
    int64_t (*set_rate)(int64_t) = waitprof_set_block_profile_rate;
    int64_t before = set_rate(123);
    int fraction = waitprof_set_mutex_profile_fraction(7);
    printf("%d %d ", (int)before, (int)waitprof_block_profile_rate());
    printf("%d %d\\n", fraction, waitprof_mutex_profile_fraction());
    return 0;
}
END

# expect WANTED PROGRAM...
expect()
{
    local wanted=$1 given
    shift
    given=$(timeout 20 env "$@") || given="status $?"
    [[ $given == "$wanted" ]] || { echo "$*: $given, expected $wanted"; exit 1; }
}

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    for language in 'c c99' 'c c11' 'c++ c++11' 'c++ c++20'; do
        read -r name standard <<<"$language"
        "$compiler" -x "$name" -std="$standard" -pedantic -Wall -Wextra \
            -Werror -fsyntax-only - <<<"#include \"$header\"" ||
            { echo "$header does not compile with $compiler as $standard"; exit 1; }
        tried=$((tried + 1))
        [[ -n $library ]] || continue
        for level in -O0 -O2; do
            "$compiler" -x "$name" -std="$standard" "$level" -Wall -Wextra -Werror \
                -o "$scratch/rates" "$scratch/rates.c" -x none $([[ $name == c ]] || echo -lstdc++)
            expect '0 0 0 0' "$scratch/rates"
            expect '5 123 3 7' WAITPROF_BLOCK_RATE=5 WAITPROF_MUTEX_FRACTION=3 \
                LD_PRELOAD="$library" "$scratch/rates"
        done
    done
done
((tried > 0)) || { echo "neither gcc nor clang is here"; exit 1; }
