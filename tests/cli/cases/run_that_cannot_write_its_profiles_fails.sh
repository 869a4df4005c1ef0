mkdir out
status_of waitprof run -q -o out/name sh -c 'rmdir out'
mkdir out
status_of waitprof run -q -o out/name sh -c 'rmdir out; exit 7'
region_count
