#!/bin/sh
# Prints, for each system call of this machine, the number that the compiled-for machine gives it
# and the number that it has here: rows of a table in C.
#
# Under qemu-user two calls become others.
set -eu

numbers=$(echo '#include <sys/syscall.h>' | "${HOST_CC:-cc}" -E -dM - |
    awk '$1 == "#define" && $2 ~ /^__NR_[a-z0-9_]+$/ && $3 ~ /^[0-9]+$/ { print $2, $3 }')
[ -n "$numbers" ] || { echo "$0: no numbers of system calls from ${HOST_CC:-cc}" >&2; exit 1; }

echo "$numbers" | awk '
    { there[$1] = $2 }
    END {
        there["__NR_recvmmsg"] = there["__NR_recvmsg"]
        there["__NR_preadv2"] = there["__NR_readv"] # with the offset -1: libc falls back on it
        for (name in there)
            printf "#ifdef %s\n{%s, %s},\n#endif\n", name, name, there[name]
    }'
