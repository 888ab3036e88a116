package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"buildbisect/cmd/bisect/screen"
)

// sameWish is how long after a signal another one means the same: timeout(1), shells and dying terminals tell
// a process, and then its whole group.
const sameWish = 200 * time.Millisecond

// interruptible returns a context that the first signal ends, so that what runs stops and cleans up after
// itself. A second one, of whatever kind, is from somebody who will not wait: leave is called, at once.
//
// A closed terminal (SIGHUP) or a reader that went away (SIGPIPE) must not leave containers behind either;
// nor does the second count, since every line that is written after it brings another. What is ignored stays
// ignored: nohup(1) asks for that.
func (c command) interruptible(leave func(status int)) context.Context {
	signals := make(chan os.Signal, 8)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		first := <-signals
		for first == syscall.SIGPIPE && !c.unread() {
			first = <-signals // an engine went away while it was written to: that has an error of its own
		}
		cancel(fmt.Errorf("%s signal received", first)) // as signal.NotifyContext says it
		begin := time.Now()
		for s := range signals {
			if s != syscall.SIGPIPE && time.Since(begin) > sameWish {
				break
			}
		}
		time.AfterFunc(sameWish, func() { leave(exitInterrupted) }) // nobody may be reading what we say
		fmt.Fprintln(c.stderr, "\nbisect: interrupted twice, and gone at once: containers and volumes may be left; `bisect gc` removes them, and so does the next start")
		leave(exitInterrupted)
	}()
	return ctx
}

// unread reports whether nobody reads any more what we write.
func (c command) unread() bool {
	for _, w := range []io.Writer{c.stdout, c.stderr} {
		f := screen.FileOf(w)
		if f == nil {
			continue
		}
		at := []unix.PollFd{{Fd: int32(f.Fd())}}
		if n, err := unix.Poll(at, 0); err == nil && n > 0 && at[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			return true
		}
	}
	return false
}
