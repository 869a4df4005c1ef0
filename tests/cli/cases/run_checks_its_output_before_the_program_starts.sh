need_users
touch file
mkdir taken.block.pb.gz
for prefix in missing/name file/name taken "$PWD/name"; do
    status_of as_nobody waitprof run -o "$prefix" echo 'it ran'
done
ls
