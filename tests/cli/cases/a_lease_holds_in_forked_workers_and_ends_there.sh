export WAITPROF_BLOCK_RATE=0 WAITPROF_MUTEX_FRACTION=0
start prefork 3
wait_until waitprof rate "$pid"
waitprof rate --block-rate 1 --for 1s "$pid" | sed -n 1,2p
sleep 0.5
waitprof export --format json "$pid" | python3 -c '
import json, sys
print("workers:", len(json.load(sys.stdin)["stacks"]) > 0)'
wait_until eval '[[ $(od -An -t u8 -j 320 -N 8 "$WAITPROF_DIR"/prefork.*.wpr | tr -d " ") == 0 ]]'
before=$(samples_of "$pid")
sleep 0.3
(($(samples_of "$pid") == before)) || echo "workers go on"
