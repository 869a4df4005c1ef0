# Go's block profile is empty by default, and then might be a mutex profile of 0.
mkdir base new both ours
write_capture untold.pb.gz go 10
write_capture told.pb.gz mutex 10
write_capture both/block.pb.gz go 10 "sync.(*Mutex).Lock;main.work=1000"
for run in 1 2; do
    write_capture "base/mutex.$run.pb.gz" go 10 "sync.(*Mutex).Unlock;main.work=$((1000 + run))"
    write_capture "new/mutex.$run.pb.gz" go 10 "sync.(*Mutex).Unlock;main.work=$((1300 + run))"
    cp untold.pb.gz "new/block.$run.pb.gz"
    cp untold.pb.gz "both/mutex.$run.pb.gz"
    cp told.pb.gz "ours/mutex.$run.pb.gz"
done
for words in "--profile mutex base -- new" "new -- base" "--profile mutex base -- ours"; do
    # shellcheck disable=SC2086
    waitprof gate $words | sed -n 1p
done
echo ---
waitprof diff --profile mutex base -- new | head -4
# The others tell that they are block profiles; that these are mutex profiles they do not tell.
status_of waitprof gate --profile mutex base -- both
status_of waitprof diff --profile mutex both -- both/mutex.1.pb.gz
# Of a side that tells nothing they count, as captures of 0.
waitprof gate base -- both/mutex.?.pb.gz | sed -n 1p
