// The vCenter of vcache's tests, demo and bench: VMware's own simulator, with what a real vCenter does and the
// simulator does not added in front of it. See README.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vcenter:", err)
		os.Exit(1)
	}
}

func run(o *options) error {
	if err := os.MkdirAll(o.dir, 0700); err != nil {
		return err
	}
	// The simulator talks much; its words belong with the other evidence of a test.
	logFile, err := os.OpenFile(filepath.Join(o.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0600)
	if err != nil {
		return err
	}
	log.SetOutput(logFile)

	s, err := startServer(o)
	if err != nil {
		return err
	}
	defer s.stop()

	// Whoever started us blocks on this line instead of looking again and again.
	fmt.Println(s.address)
	_ = os.Stdout.Close()

	<-ending(o)
	return nil
}

// ending returns a channel that closes when it is time to go.
func ending(o *options) <-chan struct{} {
	end := make(chan struct{}, 2)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		end <- struct{}{}
	}()
	if o.dieWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			end <- struct{}{}
		}()
	}
	return end
}
