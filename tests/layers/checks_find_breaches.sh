#!/usr/bin/env bash
# Each check of this directory passes on a small sound project or library, and fails, naming the
# breach, on a copy that breaks its rule.
#
#   checks_find_breaches.sh sources|library|libc
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
readonly here
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
wrong=0

# expect_breach TEXT COMMAND...: the command must return 1 and print TEXT.
expect_breach()
{
    local text=$1 output status=0
    shift
    output=$("$@" 2>&1) || status=$?
    if ((status == 1)) && [[ $output == *"$text"* ]]; then
        echo "ok: $text"
    else
        echo "NOT FOUND: '$text' by: $*; status $status, output: $output"
        wrong=$((wrong + 1))
    fi
}

expect_clean()
{
    local output
    if output=$("$@" 2>&1) && [[ -z $output ]]; then
        echo "ok: clean: $2"
    else
        echo "NOT CLEAN: $*: $output"
        wrong=$((wrong + 1))
    fi
}

sound_tree()
{
    rm -rf "$scratch/tree"
    mkdir -p "$scratch"/tree/{src/{core,profile,compare,cli},interpose,include,tests,bench}
    cd "$scratch/tree"
    echo '#include <stdint.h>' >include/waitprof.h
    echo '#include <stdint.h>' >src/core/region_format.h
    echo '#include "core/region_format.h"' >src/core/rate.c
    printf '#include "core/rate.h"\n#include "waitprof.h"\n' >interpose/mutex.c
    printf '#include "core/region_format.h"\n#include "profile.pb-c.h"\n' >src/profile/reader.c
    printf '#include "profile/reader.h"\n#include "profile.pb-c.h"\n' >src/compare/change.c
    printf '#include "profile/reader.h"\n#include "compare/change.h"\nint\nmain(void)\n{\n}\n' >src/cli/main.c
}

# source_breach TEXT CHECK FILE LINE...: appends the lines to a file of the sound tree.
source_breach()
{
    local text=$1 check=$2 file=$3
    shift 3
    sound_tree
    printf '%s\n' "$@" >>"$file"
    expect_breach "$text" "$here/check_sources.sh" "$check" "$scratch/tree"
}

function_of()
{
    printf 'int\nlong_one(void)\n{\n'
    seq -f '    /* %g */' "$1"
    printf '}\n'
}

sources()
{
    local check
    sound_tree
    for check in include_direction lengths names machine_independence; do
        expect_clean "$here/check_sources.sh" "$check" "$scratch/tree"
    done
    expect_clean "$here/check_public_header.sh" "$scratch/tree/include/waitprof.h"
    echo 'bool waitprof_is_loaded(void);' >>include/waitprof.h
    expect_breach 'does not compile with gcc as c99' \
        "$here/check_public_header.sh" "$scratch/tree/include/waitprof.h"
    echo '#include <stdbool.h>' >include/waitprof.h
    echo 'extern int new;' >>include/waitprof.h
    expect_breach 'does not compile with gcc as c++11' \
        "$here/check_public_header.sh" "$scratch/tree/include/waitprof.h"

    source_breach 'src/core must not include interpose/mutex.h' \
        include_direction src/core/rate.c '#include "interpose/mutex.h"'
    source_breach 'src/core must not include profile/reader.h' \
        include_direction src/core/rate.c '#  include <profile/reader.h>'
    source_breach 'interpose must not include profile/reader.h' \
        include_direction interpose/mutex.c '#include "profile/reader.h"'
    source_breach 'interpose must not include profile.pb-c.h' \
        include_direction interpose/mutex.c '#include "profile.pb-c.h"'
    source_breach 'src/profile must not include core/rate.h' \
        include_direction src/profile/reader.c '#include "core/rate.h"'
    source_breach 'src/profile must not include cli/main.h' \
        include_direction src/profile/reader.c '#include "cli/main.h"'
    source_breach 'src/profile must not include compare/change.h' \
        include_direction src/profile/reader.c '#include "compare/change.h"'
    source_breach 'src/compare must not include core/rate.h' \
        include_direction src/compare/change.c '#include "core/rate.h"'
    source_breach 'src/compare must not include cli/main.h' \
        include_direction src/compare/change.c '#include "cli/main.h"'
    source_breach 'src/cli must not include profile.pb-c.h' \
        include_direction src/cli/main.c '#include "profile.pb-c.h"'
    source_breach 'src/cli must not include core/rate.h' \
        include_direction src/cli/main.c '#include "core/rate.h"'
    source_breach 'include must not include core/region_format.h' \
        include_direction include/waitprof.h '#include "core/region_format.h"'
    source_breach 'profile and cli include this file: it must not include core/rate.h' \
        include_direction src/core/region_format.h '#include "core/rate.h"'

    source_breach 'long_one has 41 lines, more than 40' \
        lengths src/core/rate.c "$(function_of 41)"
    source_breach 'long_one has 41 lines, more than 40' \
        lengths interpose/mutex.c "$(function_of 41)"
    source_breach 'long_one has 61 lines, more than 60' \
        lengths src/cli/main.c "$(function_of 61)"
    source_breach 'src/core/rate.c: 501 lines, more than 500' \
        lengths src/core/rate.c "$(seq -f '/* %g */' 500)"
    source_breach 'lines, more than 700' \
        lengths src/profile/reader.c "$(seq -f '/* %g */' 700)"
    source_breach 'longer than 100 columns' \
        lengths src/cli/main.c "/* $(printf '%100s' x) */"
    source_breach 'opening brace of a function' \
        lengths src/cli/main.c 'int f(void) {' '}'

    source_breach 'not in a place called util' names src/cli/string_util.c ''
    source_breach 'a path of one machine' \
        machine_independence src/cli/main.c "/* see /""work/notes */"
    source_breach 'a path of one machine' \
        machine_independence tests/run.sh "cd /""home/someone/project"
    source_breach 'a number of a tracker' \
        machine_independence src/cli/main.c "/* mends bug #""17 */"
    source_breach 'do it, or say what is missing' \
        machine_independence src/core/rate.c "/* TO""DO: later */"
}

readonly compiler=${CC:-cc}
libc_path=$("$compiler" -print-file-name=libc.so.6)
readonly libc_path
readonly sound_flags=(-O1 -fPIC -fasynchronous-unwind-tables -ftls-model=initial-exec
    -fno-stack-protector -nostartfiles -Wl,-z,now -Wl,-z,nodelete -Wl,-z,relro
    -Wl,-z,noexecstack -Wl,--build-id -Wl,--as-needed)

# make_library LINE... [-- FLAG...]: a library of the lines, with more flags.
make_library()
{
    local lines=()
    while (($#)) && [[ $1 != -- ]]; do
        lines+=("$1")
        shift
    done
    (($# == 0)) || shift
    printf '%s\n' '#include <stdlib.h>' '#include <string.h>' "${lines[@]}" >"$scratch/library.c"
    "$compiler" "${sound_flags[@]}" -shared -o "$scratch/libx.so" "$scratch/library.c" "$@"
}

sound_lines=('void sound(char *p);' 'void sound(char *p) { free(p); }'
    'int waitprof_rate(int rate);' 'int waitprof_rate(int rate) { return rate; }')

# library_breach TEXT CHECK ARGUMENT..., of the library made last.
library_breach()
{
    expect_breach "$1" "$here/check_library.sh" "$2" "$scratch/libx.so" "${@:3}"
}

library()
{
    local check
    printf '#!/bin/sh\necho sound\n' >"$scratch/list"
    printf '#!/bin/sh\n' >"$scratch/empty_list"
    chmod +x "$scratch/list" "$scratch/empty_list"
    echo 'int waitprof_rate(int rate);' >"$scratch/waitprof.h"
    local lists=("$scratch/list" "$scratch/waitprof.h")
    echo 'free  gives back what it owns' >"$scratch/allowed"

    make_library "${sound_lines[@]}"
    for check in needs_only_libc has_static_tls_only has_unwind_tables is_safe_to_map; do
        expect_clean "$here/check_library.sh" "$check" "$scratch/libx.so"
    done
    expect_clean "$here/check_library.sh" exports_its_list "$scratch/libx.so" "${lists[@]}"
    expect_clean "$here/check_library.sh" asks_only_for_allowed_symbols "$scratch/libx.so" \
        "$scratch/allowed"
    library_breach 'lists nothing' exports_its_list "$scratch/empty_list" "$scratch/waitprof.h"

    make_library "${sound_lines[@]}" 'double cos(double); double f(double x);' \
        'double f(double x) { return cos(x); }' -- -lm
    library_breach 'may need libc.so.6 alone' needs_only_libc ''
    library_breach 'exports f: not in functions.def' exports_its_list "${lists[@]}"
    library_breach 'asks the program for cos: not in' asks_only_for_allowed_symbols \
        "$scratch/allowed"
    echo 'cos' >>"$scratch/allowed"
    library_breach 'cos needs a reason' asks_only_for_allowed_symbols "$scratch/allowed"

    make_library 'int other;'
    library_breach 'waitprof_rate: in functions.def or the public API, but not exported' \
        exports_its_list "${lists[@]}"
    library_breach 'sound: in functions.def or the public API, but not exported' \
        exports_its_list "${lists[@]}"

    printf '%s\n' 'GLIBC_2.2.5 {};' 'GLIBC_2.3.2 {} GLIBC_2.2.5;' >"$scratch/versions"
    make_library 'void a(void); void a(void) {} void b(void); void b(void) {}' \
        '__asm__(".symver a, pthread_cond_wait@GLIBC_2.3.2");' \
        '__asm__(".symver b, pthread_cond_wait@GLIBC_2.2.5");' \
        -- "-Wl,--version-script=$scratch/versions"
    library_breach 'wraps a, which' wraps_what_libc_has "$libc_path"
    library_breach 'wraps pthread_cond_wait@GLIBC_2.3.2, but' wraps_what_libc_has "$libc_path"

    make_library '__thread int t __attribute__((tls_model("global-dynamic")));' \
        'int *f(void);' 'int *f(void) { return &t; }'
    library_breach '__tls_get_addr' has_static_tls_only ''
    make_library 'static __thread char t[80]; char *f(int i);' 'char *f(int i) { return t + i; }'
    library_breach 'has 80 bytes of thread-local data' has_static_tls_only ''

    make_library "${sound_lines[@]}" -- -fno-asynchronous-unwind-tables -fno-unwind-tables
    library_breach 'sound has no rule in .eh_frame' has_unwind_tables ''
    make_library "${sound_lines[@]}" -- -Wl,--no-eh-frame-hdr
    library_breach 'has no .eh_frame_hdr' has_unwind_tables ''

    make_library "${sound_lines[@]}" -- -Wl,-z,execstack
    library_breach 'executable stack' is_safe_to_map ''
    make_library "${sound_lines[@]}" -- -Wl,-z,lazy
    library_breach 'bound lazily' is_safe_to_map ''
    make_library "${sound_lines[@]}" -- -Wl,-z,norelro
    library_breach 'no read-only relocations' is_safe_to_map ''
    make_library "${sound_lines[@]}" -- -Wl,--build-id=none
    library_breach 'no build-id' is_safe_to_map ''
    make_library "${sound_lines[@]}" \
        '__asm__(".section .both,\"awx\",@progbits\n.quad 0\n.text");'
    library_breach 'writable and executable' is_safe_to_map ''
    patch_out_nodelete
    library_breach 'may be unloaded' is_safe_to_map ''
}

# make_list WRAPPED LEFT_OUT: what stands for list_functions.
make_list()
{
    cat >"$scratch/list" <<EOF
#!/bin/sh
case \${1:-exported} in
exported) printf '$1' ;;
needed) echo waitprof_rate ;;
left_out) printf '$2' ;;
esac
EOF
    chmod +x "$scratch/list"
}

# libc_breach TEXT, of the list and the names made last.
libc_breach()
{
    expect_breach "$1" "$here/check_libc.sh" "$scratch/libx.so" "$scratch/list" "$scratch/names"
}

libc()
{
    make_library "${sound_lines[@]}" 'void stay(void); void stay(void) {}'
    printf '# harmless\nstay\n' >"$scratch/names"
    make_list 'sound@V1\n' ''
    expect_clean "$here/check_libc.sh" "$scratch/libx.so" "$scratch/list" "$scratch/names"
    make_list '' 'sound\n'
    expect_clean "$here/check_libc.sh" "$scratch/libx.so" "$scratch/list" "$scratch/names"

    make_list '' ''
    libc_breach 'sound: can it wait?'
    make_list 'sound\n' 'sound\n'
    libc_breach 'sound: wrapped and left out'
    make_list 'sound\nstay\n' ''
    libc_breach 'stay: wrapped, and in names'
    make_list 'sound\n' 'stay\n'
    libc_breach 'stay: left out, and in names'
    make_list '' 'sound\nsound\n'
    libc_breach 'sound: left out twice'
    make_list 'sound\n' ''
    printf 'stay\nabs\n' >"$scratch/names"
    libc_breach 'is not sorted: abs'
    printf 'stay\nstay\n' >"$scratch/names"
    libc_breach 'is not sorted: stay'
    printf 'int data;\n' | "$compiler" -shared -nostdlib -o "$scratch/libx.so" -x c -
    libc_breach 'exports no function'
}

# The linker has no flag that takes -z nodelete back.
patch_out_nodelete()
{
    "$compiler" -shared -fPIC -Wl,-z,now -Wl,-z,relro -Wl,--build-id -o "$scratch/libx.so" \
        "$scratch/library.c"
}

"$1"
((wrong == 0)) || { echo "$wrong breaches were not found, or sound things refused"; exit 1; }
