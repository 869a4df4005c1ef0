mkdir empty
echo text >note.txt
status_of waitprof timeline empty
status_of waitprof report empty
status_of waitprof timeline nothing
status_of waitprof report nothing
status_of waitprof timeline note.txt
status_of waitprof report note.txt
waitprof run -q -o span -- hold_lock 50
status_of waitprof report --from 03:10 span.block.pb.gz
status_of waitprof timeline --from 3:10 span.block.pb.gz
status_of waitprof timeline --to 1999-01-01 span.block.pb.gz
status_of waitprof report --function '(' span.block.pb.gz
status_of waitprof report --kind mutez span.block.pb.gz
