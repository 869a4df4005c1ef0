waitprof doctor -- /bin/sleep 30
status_of waitprof doctor --quiet /bin/sleep
