start hold_lock 0
wait_until waitprof rate "$pid"
waitprof tune --quiet --seconds 500ms --error 20% --apply "$pid" >table
sed -nE '/^they are set/p' table | sed "s/ $pid\$/ PID/"
recommended=$(sed -nE 's/^  (--block-rate .*)/\1/p' table)
set -- $recommended
waitprof rate "$pid" >now
grep -c -e "^block-rate  *$2\$" -e "^mutex-fraction  *$4\$" now
$(sed -nE 's/^they are set; to go back: //p' table) >/dev/null
waitprof rate "$pid" | sed -n 1,2p
