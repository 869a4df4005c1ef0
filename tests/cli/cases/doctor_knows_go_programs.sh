need go golang-go
cat >main.go <<'GO'
package main

func main() { println("hello") }
GO
export GOCACHE=$PWD/cache GO111MODULE=off
CGO_ENABLED=0 go build -o static_go main.go
CGO_ENABLED=0 go build -ldflags='-s -w' -o stripped_go main.go
status_of waitprof doctor ./static_go
status_of waitprof doctor ./stripped_go
cat >main.go <<'GO'
package main

// #include <unistd.h>
import "C"

func main() { println(C.getpid() > 0) }
GO
CGO_ENABLED=1 go build -o cgo main.go
status_of waitprof doctor ./cgo
