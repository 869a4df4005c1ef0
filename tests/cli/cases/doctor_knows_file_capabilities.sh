need setcap libcap2-bin
need_users
cp /bin/true capable_program
setcap cap_net_raw+ep capable_program || skip "no file capabilities here"
status_of waitprof doctor ./capable_program
status_of as_nobody waitprof doctor ./capable_program
