families_of()
{
    rm -rf "$WAITPROF_DIR"/*.wpr
    waitprof run -q --keep-region --block-rate 1 "$@" hold_lock 50
    waitprof functions --json "$WAITPROF_DIR"/*.wpr | python3 -c '
import json, sys
print(*sorted({row["family"] for row in json.load(sys.stdin)}))'
}
echo "default: $(families_of)"
echo "sleep: $(families_of --events sleep)"
echo "sync,sleep: $(families_of --events sync,sleep)"
echo "all: $(families_of --events all)"
