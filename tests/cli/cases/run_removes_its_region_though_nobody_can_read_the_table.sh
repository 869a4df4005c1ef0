status_of waitprof run -o out true 2>/dev/full
region_count
ls
