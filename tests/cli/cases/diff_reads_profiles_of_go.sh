need go golang-go
cat >program.go <<'END'
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"
)

var lock sync.Mutex

func holdIt(us int) {
	lock.Lock()
	time.Sleep(time.Duration(us) * time.Microsecond)
	lock.Unlock()
}

func main() {
	us, _ := strconv.Atoi(os.Args[1])
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := 0; n < 10; n++ {
				holdIt(us)
			}
		}()
	}
	all.Wait()
	for _, name := range []string{"block", "mutex"} {
		file, _ := os.Create(os.Args[2] + "." + name + ".pb.gz")
		pprof.Lookup(name).WriteTo(file, 0)
		file.Close()
	}
}
END
GO111MODULE=off GOFLAGS= GOPROXY=off go build -o program program.go
for run in 1 2 3; do
    ./program 1000 "base.$run"
    ./program 20000 "new.$run"
done
for type in block mutex; do
    waitprof diff --per operation 40 --format json base.?.$type.pb.gz -- new.?.$type.pb.gz |
        python3 -c '
import json, sys

diff = json.load(sys.stdin)
print(diff["profile"], diff["total"]["change"])
for row in sorted(diff["rows"], key=lambda row: row["leaf"]):
    print(row["change"], row["function"], row["leaf"], 5 < row["ratio"] < 50)'
done
status_of waitprof diff base.1.mutex.pb.gz new.1.mutex.pb.gz
