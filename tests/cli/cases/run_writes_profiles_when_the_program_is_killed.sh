status_of waitprof run --kind mutex --block-rate 1 --mutex-fraction 1 -o killed -- \
    sh -c 'sleep 1 && kill -9 $$ & exec hold_lock 0'
ls
region_count
