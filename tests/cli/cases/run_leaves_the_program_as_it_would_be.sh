# Signal masks and dispositions, descriptors, limits, parenthood; not the environment.
state='grep -E "^Sig[BIC]|^ShdPnd|^NoNewPrivs" /proc/self/status; ls /proc/self/fd; ulimit -a; ps -o pgid= $$ | tr -d " "'
trap '' USR2
sh -c "$state" >bare
waitprof run --quiet -- sh -c "$state" >profiled
diff bare profiled
# The environment gains what the manual says, and nothing else.
env | sort >bare
waitprof run --quiet --block-rate 2ms --mutex-fraction 7 --depth 9 env | sort >profiled
diff bare profiled | grep '^[<>] [^_]' | sed -E 's#/.*/lib#LIB#; s/(RUN=)[0-9a-f]{16}$/\1ID/; s/(PID=)[0-9]+/\1N/'
