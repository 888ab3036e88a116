package images

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
)

// beat is when a long step first says that it goes on; each further time takes longer by that much, up to
// slowest.
const (
	beat    = 3 * time.Second
	slowest = 15 * time.Second
)

// step is one long piece of work as a person watches it: each change at once, and between changes a sign of
// life.
type step struct {
	name  string
	out   func(string)
	start time.Time
	quit  chan struct{}
	done  sync.WaitGroup

	mu  sync.Mutex
	now string // what it is doing
}

// begin starts a step; the caller ends it.
func (w *workshop) begin(name string) *step {
	s := &step{name: name, out: w.progress, start: time.Now(), quit: make(chan struct{})}
	s.done.Go(func() {
		wait := beat
		t := time.NewTimer(wait)
		defer t.Stop()
		for {
			select {
			case <-s.quit:
				return
			case <-t.C:
				wait = min(wait+beat, slowest)
				t.Reset(wait)
				s.mu.Lock()
				now := s.now
				s.mu.Unlock()
				if now != "" {
					s.out(fmt.Sprintf("%s: %s (%.0f s)", s.name, now, time.Since(s.start).Seconds()))
				}
			}
		}
	})
	return s
}

// say tells what the step does now, at once.
func (s *step) say(now string) {
	s.note(now)
	s.out(s.name + ": " + now)
}

// note sets what the next sign of life will tell.
func (s *step) note(now string) {
	s.mu.Lock()
	s.now = now
	s.mu.Unlock()
}

func (s *step) end() {
	close(s.quit)
	s.done.Wait()
}

// lines is a writer that hands on whole lines and remembers the last of them, for error messages.
type lines struct {
	each func(line string)
	rest []byte
	last []string
}

// keepLines is how many lines of a command's output an error message can draw on.
const keepLines = 40

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexAny(l.rest, "\n\r")
		if i < 0 {
			if len(l.rest) < 1<<16 {
				return len(p), nil
			}
			i = len(l.rest) - 1 // a line without end must not fill the memory
		}
		line := strings.TrimSpace(string(l.rest[:i]))
		l.rest = l.rest[i+1:]
		if line == "" {
			continue
		}
		if l.last = append(l.last, line); len(l.last) > keepLines {
			l.last = l.last[1:]
		}
		l.each(line)
	}
}

// tail returns the last n lines that pass keep, joined for an error message.
func (l *lines) tail(n int, keep func(string) bool) string {
	all := l.last
	if rest := strings.TrimSpace(string(l.rest)); rest != "" {
		all = append(all[:len(all):len(all)], rest)
	}
	var out []string
	for _, line := range all {
		if keep(line) {
			out = append(out, line)
		}
	}
	if len(out) > n {
		out = out[len(out)-n:]
	}
	return strings.Join(out, "\n\t")
}
