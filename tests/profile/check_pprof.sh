#!/bin/sh
# What `go tool pprof` makes of our profiles: check_pprof.sh REGION_TOOL
# Exit status 77: there is no `go tool pprof` here.
set -u
tool=$1

if ! go tool pprof -h >/dev/null 2>&1 && ! go tool pprof -help 2>&1 | grep -q usage; then
    echo "skipped: no go tool pprof"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export HOME="$work" PPROF_TMPDIR="$work"
failures=0

# expect FILE PATTERN: some line of the file matches the pattern.
expect() {
    if ! grep -Eq -- "$2" "$1"; then
        echo "not ok: no line matches: $2"
        sed 's/^/    /' "$1"
        failures=$((failures + 1))
    fi
}

# refuse FILE PATTERN: none does.
refuse() {
    if grep -Eq -- "$2" "$1"; then
        echo "not ok: a line matches: $2"
        sed 's/^/    /' "$1"
        failures=$((failures + 1))
    fi
}

"$tool" sample "$work/sample.wpr" || exit 1
for kind in block mutex; do
    "$tool" encode pprof $kind "$work/sample.wpr" >"$work/$kind.pb.gz" || exit 1
    "$tool" encode text $kind "$work/sample.wpr" >"$work/$kind.txt" || exit 1
    go tool pprof -raw "$work/$kind.pb.gz" >"$work/$kind.raw" 2>"$work/$kind.err" || {
        cat "$work/$kind.err"
        exit 1
    }
    refuse "$work/$kind.err" 'WARNING|error|malformed'
done

# The header is what Go writes: two types, period 1, no default type, no duration.
expect "$work/block.raw" '^PeriodType: contentions count$'
expect "$work/block.raw" '^Period: 1$'
expect "$work/block.raw" '^contentions/count delay/nanoseconds$'
refuse "$work/block.raw" '\[dflt\]|^Duration'
expect "$work/block.raw" '^Time: '

# Values: scaled counts, half a contention shown as one, delay in ns.
expect "$work/block.raw" '^ +16 +255000000: 1 2 3'
expect "$work/block.raw" '^ +1 +1000000: 1 2'
expect "$work/mutex.raw" '^ +7 +70000000: '

# Locations: the leaf is the API function, then the inlined function before its caller.
expect "$work/block.raw" '^ +1: 0x[0-9a-f]+ M=2 pthread_mutex_lock :0'
expect "$work/block.raw" '^ +2: 0x[0-9a-f]+ M=1 tool_inlined .*/tests/profile/region_tool.c:[0-9]+'
expect "$work/block.raw" '^ +tool_worker .*/tests/profile/region_tool.c:[0-9]+'
expect "$work/block.raw" '^ +3: 0x[0-9a-f]+ \[truncated\]'

# Mappings: the executable first, build-ids in lower case, all four flags of what has all.
expect "$work/block.raw" '^1: 0x[0-9a-f]+/0x[0-9a-f]+/0x[0-9a-f]+ .*/region_tool [0-9a-f]+ \[FN\]\[FL\]\[LN\]\[IN\]'
expect "$work/block.raw" '^2: 0x.*/libc\.so\.6 [0-9a-f]+ \[FN\]$'

# Tables.
go tool pprof -top "$work/block.pb.gz" >"$work/top" 2>/dev/null
expect "$work/top" '^Type: delay'
expect "$work/top" '256ms +100% +100% +256ms +100% +pthread_mutex_lock'
expect "$work/top" '0 +0% +100% +256ms +100% +tool_worker'
expect "$work/top" 'waitprof .*: block profile'
expect "$work/top" 'block rate: 1 \(every wait\)'
go tool pprof -top -mean -sample_index=delay "$work/mutex.pb.gz" >"$work/top" 2>/dev/null
expect "$work/top" '10ms .*pthread_mutex_unlock'

# Text: the same numbers when pprof reads Go's debug=1 form.
for kind in block mutex; do
    go tool pprof -raw "$work/$kind.txt" >"$work/text.raw" 2>"$work/text.err" || {
        cat "$work/text.err"
        failures=$((failures + 1))
    }
    sed -n '/^Samples/,/^Locations/p' "$work/$kind.raw" | grep -o '^ *[0-9]* *[0-9]*:' | sort >"$work/a"
    sed -n '/^Samples/,/^Locations/p' "$work/text.raw" | grep -o '^ *[0-9]* *[0-9]*:' | sort >"$work/b"
    cmp -s "$work/a" "$work/b" || {
        echo "not ok: $kind as text and as protobuf differ"
        diff "$work/a" "$work/b"
        failures=$((failures + 1))
    }
done

# The kinds of one stack are one sample, and two when they are labels.
"$tool" kinds "$work/kinds.wpr" || exit 1
for how in encode label; do
    "$tool" $how pprof block "$work/kinds.wpr" >"$work/$how.pb.gz" || exit 1
    go tool pprof -raw "$work/$how.pb.gz" >"$work/$how.raw" 2>"$work/$how.err" || exit 1
    refuse "$work/$how.err" 'WARNING|error|malformed'
done
expect "$work/encode.raw" '^ +3 +57000000: 1 2'
expect "$work/encode.raw" '^ +1 +300: 3 2'
refuse "$work/encode.raw" 'kind:'
refuse "$work/encode.raw" '^ +[0-9]+ +(50000000|7000000):'
expect "$work/label.raw" '^ +2 +50000000: 1 2'
expect "$work/label.raw" '^ +1 +7000000: 1 2'
expect "$work/label.raw" '^ +kind:\[cond\.reacquire\]'
expect "$work/label.raw" '^ +kind:\[recv\]'
go tool pprof -tags "$work/label.pb.gz" >"$work/tags" 2>/dev/null
expect "$work/tags" '50\.0*ms .*: cond$'
expect "$work/tags" '7(\.0*)?ms .*: cond\.reacquire$'
go tool pprof -top -tagfocus=kind=recv "$work/label.pb.gz" >"$work/top" 2>/dev/null
expect "$work/top" ' recv$'
refuse "$work/top" 'pthread_cond_wait'

# Two profiles of one program merge into one, doubled.
go tool pprof -raw "$work/mutex.pb.gz" "$work/mutex.pb.gz" >"$work/merged" 2>/dev/null
expect "$work/merged" '^ +14 +140000000: '

[ "$failures" -eq 0 ] || exit 1
echo "ok: go tool pprof reads what we write"
