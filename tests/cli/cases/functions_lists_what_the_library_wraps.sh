waitprof functions | head -n 1
waitprof functions | grep -E '^pthread_mutex_lock '
waitprof functions --kind 'rwlock.*' | awk 'NR > 1 { print $4 }' | sort -u
waitprof functions --json --kind recv | python3 -c '
import json, sys
rows = {row["function"]: row for row in json.load(sys.stdin)}
print(rows["recv"])
print(sorted(rows))'
# The list has no name twice, and every alias is one of a function of the list.
waitprof functions --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)
names = [(row["function"], row["version"]) for row in rows]
aliases = [alias for row in rows for alias in row["aliases"]]
print("many:", len(names) > 100)
print("twice:", sorted({n for n in names if names.count(n) > 1}),
      sorted({a for a in aliases if aliases.count(a) > 1}))
print("kinds:", len({kind for row in rows for kind in row["kinds"]}) > 20)'
waitprof functions --markdown | grep -cE '^## (sync|net|Not wrapped)$'
status_of waitprof functions --markdown --json
status_of env WAITPROF_LIBRARY=/bin/true waitprof functions
