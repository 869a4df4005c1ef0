manual=$(dirname "$CASE_LIBRARY")/../../docs/man
waitprof functions --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)
for name in sorted({kind for row in rows for kind in row["kinds"]}):
    print("waitprof.1", name)
for name in sorted({row["family"] for row in rows}):
    print("waitprof.1", name)
    print("libwaitprof.7", name)' | while read -r page name; do
    grep -qE "^(\.Cm|\.It Cm)( .*)? ${name//./\\.}( |$)|^\.Cm ${name//./\\.}( |$)" "$manual/$page" ||
        echo "not in $page: $name"
done
