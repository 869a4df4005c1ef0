// Writes profiles of Go's own making: go_profiles DIRECTORY
//
// block and mutex since the start (.pb.gz, .pb not compressed, .txt the text form), both of a second
// (-delta.pb.gz), and profiles of other things.
package main

import (
	"compress/gzip"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var lock sync.Mutex

//go:noinline
func holdTheLock() {
	lock.Lock()
	time.Sleep(2 * time.Millisecond)
	lock.Unlock()
}

//go:noinline
func waitForData(data chan int) {
	<-data
}

func contend() {
	var all sync.WaitGroup

	for i := 0; i < 6; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			data := make(chan int)
			go func() {
				time.Sleep(time.Millisecond)
				data <- 1
			}()
			waitForData(data)
			holdTheLock()
		}()
	}
	all.Wait()
}

func create(directory, name string) *os.File {
	file, err := os.Create(filepath.Join(directory, name))
	if err != nil {
		log.Fatal(err)
	}
	return file
}

// What the handler of net/http/pprof answers, without a listener.
func fetch(directory, name, url string) {
	recorder := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(recorder, httptest.NewRequest("GET", url, nil))
	if recorder.Code != http.StatusOK {
		log.Fatalf("%s: status %d", url, recorder.Code)
	}
	file := create(directory, name)
	defer file.Close()
	if _, err := io.Copy(file, recorder.Body); err != nil {
		log.Fatal(err)
	}
}

func inflate(directory, from, to string) {
	file, err := os.Open(filepath.Join(directory, from))
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	reader, err := gzip.NewReader(file)
	if err != nil {
		log.Fatal(err)
	}
	out := create(directory, to)
	defer out.Close()
	if _, err := io.Copy(out, reader); err != nil {
		log.Fatal(err)
	}
}

func main() {
	directory := os.Args[1]

	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	contend()
	for _, kind := range []string{"block", "mutex"} {
		fetch(directory, kind+".pb.gz", "/debug/pprof/"+kind)
		fetch(directory, kind+".txt", "/debug/pprof/"+kind+"?debug=1")
		inflate(directory, kind+".pb.gz", kind+".pb")
	}
	go func() {
		time.Sleep(200 * time.Millisecond)
		contend()
	}()
	var deltas sync.WaitGroup
	for _, kind := range []string{"block", "mutex"} {
		deltas.Add(1)
		go func(kind string) {
			defer deltas.Done()
			fetch(directory, kind+"-delta.pb.gz", "/debug/pprof/"+kind+"?seconds=1")
		}(kind)
	}
	cpu := create(directory, "cpu.pb.gz")
	if err := pprof.StartCPUProfile(cpu); err != nil {
		log.Fatal(err)
	}
	deltas.Wait()
	pprof.StopCPUProfile()
	cpu.Close()
	for _, kind := range []string{"heap", "goroutine", "threadcreate"} {
		fetch(directory, kind+".pb.gz", "/debug/pprof/"+kind)
	}
}
