// Go's own profile server, with contention that is asked for: the other side of each comparison.
//
// Listens on a free port of the loopback interface and prints it, and the version of Go. Then, for
// each line of its standard input:
//
//	burst   contends, in goroutines, and prints "done"
//
// and ends with its input. Nothing of main contends between two bursts.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"sync"
	"time"
)

const (
	rounds  = 5
	waiters = 2
	held    = 2 * time.Millisecond
)

var lock sync.Mutex

//go:noinline
func holdTheLock(isHeld *sync.WaitGroup) {
	lock.Lock()
	isHeld.Done()
	time.Sleep(held)
	lock.Unlock()
}

//go:noinline
func waitForTheLock() {
	lock.Lock()
	lock.Unlock()
}

//go:noinline
func waitForTheAnswer(answer chan int) {
	<-answer
}

func contend() {
	for round := 0; round < rounds; round++ {
		var isHeld, ended sync.WaitGroup
		isHeld.Add(1)
		ended.Add(1 + waiters)
		go func() {
			holdTheLock(&isHeld)
			ended.Done()
		}()
		isHeld.Wait()
		for waiter := 0; waiter < waiters; waiter++ {
			go func() {
				waitForTheLock()
				ended.Done()
			}()
		}
		answer := make(chan int)
		go func() {
			time.Sleep(held)
			answer <- round
		}()
		waitForTheAnswer(answer)
		ended.Wait()
	}
}

func main() {
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	contend()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	log.SetOutput(io.Discard) // of semicolons in queries
	go http.Serve(listener, nil)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port, runtime.Version())
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		if commands.Text() == "burst" {
			contend()
		}
		fmt.Println("done")
	}
}
