touch file
: >empty
status_of waitprof serve --listen 0.0.0.0:0
status_of waitprof serve --allow-control
status_of waitprof serve --token-file empty
status_of waitprof serve --listen 127.0.0.1
status_of waitprof serve --listen unix:file
status_of waitprof serve --listen unix:no/such/directory
status_of waitprof serve --socket-mode 1000
status_of waitprof serve --max-deltas 0
status_of waitprof serve --listen 127.0.0.1:0 999999999
