package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLinesWrittenToNobodyAreNoSecondInterrupt(t *testing.T) {
	var said strings.Builder
	left := make(chan int, 2)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })
	ctx := command{stdout: writer, stderr: &said}.interruptible(func(status int) { left <- status })
	t.Cleanup(func() { signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE) })
	send := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	send(syscall.SIGPIPE) // of an engine that went away
	time.Sleep(sameWish)
	if ctx.Err() != nil {
		t.Error("a lost engine was taken for a lost reader")
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	send(syscall.SIGPIPE)
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the first signal ends nothing")
	}
	time.Sleep(2 * sameWish) // what comes within that time means the first one again
	send(syscall.SIGPIPE)
	select {
	case status := <-left:
		t.Fatalf("left with %d because a line was written", status)
	case <-time.After(sameWish):
	}
	send(syscall.SIGTERM)
	select {
	case status := <-left:
		if status != exitInterrupted || !strings.Contains(said.String(), "interrupted twice") {
			t.Errorf("left with %d, saying %q", status, said.String())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a second signal of another kind does not count")
	}
}
