#!/usr/bin/env bash
# Promises that libwaitprof.so makes to the programs it is loaded into, read off the built file.
#
#   check_library.sh CHECK LIBRARY [ARGUMENT...]
#
# CHECK is one of the functions check_* below, without the prefix. Prints one line for each breach
# and returns 1 if there are any.
set -euo pipefail

readonly check=$1 library=$2 argument=${3:-} header=${4:-}
export LC_ALL=C

dynamic=$(readelf -dW "$library")
segments=$(readelf -lW "$library")

# "name@version", with @@ for a default version, or "name" for a symbol without one; version
# definitions themselves left out.
defined_symbols()
{
    nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sort -u
}

undefined_symbols()
{
    nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u
}

check_needs_only_libc()
{
    local needed
    needed=$(sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' <<<"$dynamic")
    [[ $needed == libc.so.6 ]] ||
        echo "$library needs ${needed//$'\n'/ }; it may need libc.so.6 alone"
}

# The functions that the public header declares.
public_functions()
{
    "${CC:-cc}" -E -P -DWAITPROF_IMPLEMENTATION "$header" | grep -oE '\<waitprof_[a-z0-9_]+ *\(' | tr -d ' ('
}

# ARGUMENTs: a program that prints the functions of interpose/functions.def; the public header.
check_exports_its_list()
{
    local listed exported
    listed=$("$argument")
    [[ -n $listed ]] || echo "$argument lists nothing"
    listed=$({ echo "$listed"; public_functions; } | sort -u)
    exported=$(defined_symbols "$library" | sed 's/@@/@/' | sort -u)
    comm -23 <(echo "$listed") <(echo "$exported") |
        sed "s|\$|: in functions.def or the public API, but not exported by $library|"
    comm -13 <(echo "$listed") <(echo "$exported") |
        sed "s|^|$library exports |; s|\$|: not in functions.def nor the public API|"
}

# ARGUMENTs: libc; the program that prints the list. An unversioned wrapper stands for all versions of its name.
check_wraps_what_libc_has()
{
    local libc symbol left_out
    libc=$(defined_symbols "$argument")
    left_out=${header:+$("$header" left_out_versions)}
    while read -r symbol; do
        case $symbol in
        waitprof_*) ;;
        *@*)
            grep -qxF "$symbol" <<<"$libc" ||
                echo "$library wraps $symbol, but $argument has: $(grep "^${symbol%%@*}@" <<<"$libc" |
                    paste -s -d ' ')"
            ;;
        *)
            grep -q "^$symbol\(@\|\$\)" <<<"$libc" ||
                echo "$library wraps $symbol, which $argument does not have"
            ;;
        esac
    done < <(defined_symbols "$library")
    # Who was linked against a version that is not wrapped passes us by.
    comm -12 <(defined_symbols "$library" | sed -nE 's/@.*//p' | sort -u) \
        <(sed -nE 's/@.*//p' <<<"$libc" | sort -u) | while read -r symbol; do
        comm -13 <(defined_symbols "$library" | grep "^$symbol@" | sed 's/@@/@/' | sort) \
            <(grep "^$symbol@" <<<"$libc" | sed 's/@@/@/' | grep -vxF "${left_out:-@}" | sort) |
            sed "s|^|$library does not wrap |; s|\$|, as it does other versions|"
    done
}

# ARGUMENT: the list of allowed symbols.
check_asks_only_for_allowed_symbols()
{
    awk '!/^#/ && NF == 1 { print FILENAME ":" FNR ": " $1 " needs a reason" }' "$argument"
    comm -13 <(awk '!/^#/ && NF { print $1 }' "$argument" | sort -u) <(undefined_symbols) |
        sed "s|^|$library asks the program for |; s|\$|: not in $argument|"
}

check_has_static_tls_only()
{
    local size
    if undefined_symbols | grep -qx '__tls_get_addr'; then
        echo "$library calls __tls_get_addr, which may allocate: a thread-local variable is not" \
            "initial-exec"
    fi
    size=$(awk '$1 == "TLS" { print $6 }' <<<"$segments")
    if ((${size:-0} > 64)); then
        echo "$library has $((size)) bytes of thread-local data: 64 are the limit, since the room" \
            "that libc leaves for such libraries is small and shared"
    fi
}

# Cancellation and exceptions pass through our frames, so each function has its unwind rule.
check_has_unwind_tables()
{
    grep -q GNU_EH_FRAME <<<"$segments" ||
        echo "$library has no .eh_frame_hdr: an unwinder would not find its rules"
    # Ranges with rules first, then functions: both as 16 hexadecimal digits, so that text order is
    # address order.
    {
        readelf -W --debug-dump=frames "$library" 2>/dev/null |
            sed -nE 's/.* FDE .*pc=([0-9a-f]{16})\.\.([0-9a-f]{16})$/range \1 \2/p'
        nm -D --defined-only "$library" | awk '$2 ~ /^[TtWi]$/ { print "function", $1, $3 }'
    } | awk -v library="$library" '
        $1 == "range" { start[++ranges] = $2; end[ranges] = $3 }
        $1 == "function" {
            functions++
            for (i = 1; i <= ranges; i++)
                if (start[i] "" <= $2 "" && $2 "" < end[i] "") next
            print library ": " $3 " has no rule in .eh_frame: no unwinder could pass through it"
        }
        END { if (!functions) print library " exports no function" }'
}

check_is_safe_to_map()
{
    grep -qE 'GNU_STACK.* RW +0x' <<<"$segments" ||
        echo "$library asks for an executable stack"
    ! grep -E '^ +LOAD .* RWE ' <<<"$segments" ||
        echo "$library has a segment that is writable and executable"
    ! grep -q '(TEXTREL)' <<<"$dynamic" ||
        echo "$library has text relocations"
    grep -qE '\(FLAGS_1\).*\bNOW\b' <<<"$dynamic" ||
        echo "$library is bound lazily: the dynamic linker could run while a lock is held"
    grep -qE '\(FLAGS_1\).*\bNODELETE\b' <<<"$dynamic" ||
        echo "$library may be unloaded while its functions are on a stack"
    grep -q 'GNU_RELRO' <<<"$segments" ||
        echo "$library has no read-only relocations"
    readelf -nW "$library" | grep -q 'Build ID' ||
        echo "$library has no build-id"
}

declare -F "check_$check" >/dev/null || { echo "$0: no check called $check" >&2; exit 2; }
breaches=$("check_$check")
[[ -z $breaches ]] || { echo "$breaches"; exit 1; }
