printf '#!/bin/sh\n' >script
printf '#!/usr/bin/env -S LANG=C sh -e\n' >env_script
printf '#! %s/static_program\n' "$WAITPROF_TEST_PROGRAMS" >static_script
printf '#!./loop\n' >loop
chmod +x script env_script static_script loop
status_of waitprof doctor ./script
status_of waitprof doctor ./env_script | sed "s#$(command -v sh):#SH:#"
status_of waitprof doctor ./static_script
status_of waitprof doctor ./loop
