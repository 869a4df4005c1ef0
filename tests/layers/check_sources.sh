#!/usr/bin/env bash
# Rules that the source tree keeps.
#
#   check_sources.sh CHECK [ROOT]
#
# CHECK is one of the functions check_* below, without the prefix. Prints one line for each breach
# and returns 1 if there are any.
set -euo pipefail

readonly check=$1
cd "${2:-$(dirname "$0")/../..}"

# layer, then the only things of ours that its files may include: a directory or one file.
readonly include_rules='
include         -
src/core        core/
interpose       interpose/ core/ waitprof.h
src/profile     profile/ core/region_format.h core/region_path.h core/region_rates.h
src/agent       agent/ profile/ core/region_format.h
src/compare     compare/ profile/ core/region_format.h
src/cli         cli/ agent/ compare/ profile/ core/region_format.h core/region_path.h
'
# What profile and cli may include of core must not bring in the rest of it.
readonly shared_headers='src/core/region_format.h src/core/region_path.h src/core/region_rates.h'

# File and function lengths: path prefix, lines of a file, lines between a function's braces.
readonly length_rules='
src/core/   500 40
interpose/  500 40
            700 60
'

# c_files DIRECTORY...: C and C++ sources and headers.
c_files()
{
    local directory present=()
    for directory in "$@"; do
        [[ -d $directory ]] && present+=("$directory")
    done
    find "${present[@]}" -type f \( -name '*.[ch]' -o -name '*.cc' -o -name '*.cpp' \) | sort
}

# text_files: every file of the project, whatever git thinks of it.
text_files()
{
    find . \( -path ./.git -o -path ./build \) -prune -o -type f -print | sort
}

# includes_of FILE: "line header" for each header that it names, in quotes or angle brackets.
includes_of()
{
    sed -nE 's/^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"].*/\1/; T; =; p' "$1" | paste -d ' ' - -
}

# Is the header one of ours?
is_ours()
{
    [[ -e src/$1 || -e include/$1 || -e $1 || $1 == *.pb-c.h ]] ||
        [[ $1 =~ ^(core|profile|agent|compare|cli|interpose)/ ]]
}

check_include_direction()
{
    local layer allowed file line header seen=0
    while read -r layer allowed; do
        [[ -n $layer && -d $layer ]] || continue
        while read -r file; do
            while read -r line header; do
                seen=$((seen + 1))
                is_ours "$header" || continue
                may_include "$layer" "$header" "$allowed" ||
                    echo "$file:$line: $layer must not include $header (it may include: $allowed)"
            done < <(includes_of "$file")
        done < <(c_files "$layer")
    done <<<"$include_rules"
    for file in $shared_headers; do
        [[ -e $file ]] || continue
        while read -r line header; do
            if [[ $header == core/* && " $shared_headers " != *" src/$header "* ]]; then
                echo "$file:$line: profile and cli include this file: it must not include $header"
            fi
        done < <(includes_of "$file")
    done
    ((seen > 0)) || echo "no include was found at all: is $PWD the root of the project?"
}

# may_include LAYER HEADER ALLOWED
may_include()
{
    local entry
    # Made by protoc-c in the build directory: who writes pprof files, and who reads them.
    [[ ($1 == src/profile || $1 == src/compare) && $2 == *.pb-c.h ]] && return 0
    for entry in $3; do
        [[ $2 == "$entry" || ($entry == */ && $2 == "$entry"*) ]] && return 0
    done
    return 1
}

check_lengths()
{
    local file prefix file_limit function_limit
    while read -r file; do
        while IFS= read -r rule; do
            [[ -n ${rule// /} ]] || continue
            read -r prefix file_limit function_limit <<<"$rule"
            if [[ -z $function_limit ]]; then
                function_limit=$file_limit file_limit=$prefix prefix=
            fi
            [[ $file == "$prefix"* ]] && break
        done <<<"$length_rules"
        awk -v file_limit="$file_limit" -v function_limit="$function_limit" '
            length($0) > 100 { print FILENAME ":" FNR ": longer than 100 columns" }
            /^[a-zA-Z].*\) *\{$/ && !/^(extern|namespace)/ {
                print FILENAME ":" FNR ": the opening brace of a function goes on a line of its own"
            }
            /^[a-zA-Z_][a-zA-Z_0-9]*\(/ { name = $0; sub(/\(.*/, "", name) }
            /^\{$/ { start = FNR }
            /^\}/ && start {
                lines = FNR - start - 1
                if (lines > function_limit)
                    print FILENAME ":" start ": " name " has " lines " lines, more than " \
                        function_limit
                start = 0
            }
            END {
                if (FNR > file_limit)
                    print FILENAME ": " FNR " lines, more than " file_limit
            }' "$file"
    done < <(c_files bench include interpose src tests)
}

check_names()
{
    find . \( -path ./.git -o -path ./build \) -prune -o -iname '*util*' -print |
        sed 's/$/: a helper lives with its first user, not in a place called util/'
}

# The character in brackets keeps each pattern from finding itself.
check_machine_independence()
{
    text_files | xargs -d '\n' grep -nIHE \
        -e '(^|[^[:alnum:]_.])/([w]ork|[r]oot|[h]ome/[a-z]+)/' \
        -e '/tmp/[w]pbuild' |
        sed 's/$/   <- a path of one machine/' || true
    text_files | grep -v '^./LICENSE$' | xargs -d '\n' grep -nIHEi \
        -e '\b(issue|ticket|pull request|bug) ?#[0-9]+' \
        -e '\b[i]ssues? [0-9]+\b' |
        sed 's/$/   <- say it here: a number of a tracker explains nothing/' || true
    c_files bench include interpose src tests | xargs -d '\n' grep -nHE \
        -e '\b([T]ODO|[F]IXME|[X]XX)\b' |
        sed 's/$/   <- do it, or say what is missing and why/' || true
}

declare -F "check_$check" >/dev/null || { echo "$0: no check called $check" >&2; exit 2; }
breaches=$("check_$check")
[[ -z $breaches ]] || { echo "$breaches"; exit 1; }
