package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner"

	"github.com/mattn/go-isatty"
)

// How often a trial that is still running says so: a terminal shows a clock, a log file gets a mark now and then.
const (
	terminalBeat = time.Second
	logBeat      = 10 * time.Second
)

// progress tells on stderr what is tried, why, and how it went: a line a trial. It is a [runner.Observer].
type progress struct {
	w        io.Writer
	terminal bool // w is one

	mu      sync.Mutex
	inLine  bool // a trial's line has begun and not ended
	stop    chan struct{}
	stopped sync.WaitGroup
}

// oneLine makes a list of errors read on one line.
var oneLine = strings.NewReplacer("\n\t* ", "; ", "\n\n", "", "\n", "; ")

var _ runner.Observer = (*progress)(nil)

// newProgress tells what goes on to w.
func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && isatty.IsTerminal(f.Fd())}
}

// line prints a line of its own.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breakLine()
	fmt.Fprintln(p.w, report.Clean(oneLine.Replace(text)))
}

func (p *progress) warn(text string) { p.line("warning: " + text) }

func (p *progress) breakLine() {
	if p.inLine {
		fmt.Fprintln(p.w, " …")
		p.inLine = false
	}
}

// Started begins a trial's line, so that what is running can be read while it runs.
func (p *progress) Started(id int, q bisect.Question, at, question string) {
	p.mu.Lock()
	fmt.Fprintf(p.w, "%3d  %s  %s", id, report.Clean(question), report.Clean(at))
	p.inLine = true
	p.mu.Unlock()
	stop := make(chan struct{}) // not read from p in the goroutine: a trial may have ended before that starts
	p.stop = stop
	p.stopped.Go(func() { p.beat(stop) })
}

// beat shows that a long trial is alive.
func (p *progress) beat(stop <-chan struct{}) {
	begin, shown := time.Now(), ""
	interval := logBeat
	if p.terminal {
		interval = terminalBeat
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			if p.terminal && p.inLine {
				fmt.Fprint(p.w, strings.Repeat("\b", len([]rune(shown))))
			}
			shown = fmt.Sprintf(" … %.0f s", time.Since(begin).Seconds())
			fmt.Fprint(p.w, shown)
			p.inLine = true
			p.mu.Unlock()
		}
	}
}

// quiet ends the heartbeat, if one runs.
func (p *progress) quiet() {
	if p.stop != nil {
		close(p.stop)
		p.stop = nil
		p.stopped.Wait()
	}
}

// Ended finishes the trial's line.
func (p *progress) Ended(id int, t runner.Trial) {
	p.quiet()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.inLine {
		fmt.Fprintf(p.w, "%3d", id)
	}
	fmt.Fprintf(p.w, "  -> %s, %.1f s", t.Verdict, t.Wall.Seconds())
	if t.Verdict != bisect.Good {
		fmt.Fprintf(p.w, " (%s)", report.Clean(t.Reason))
	}
	fmt.Fprintln(p.w)
	p.inLine = false
}

// Proved announces a cause at once: the proof that there is no other may take long.
func (p *progress) Proved(number int, c report.Cause) {
	p.line(fmt.Sprintf("cause %d is proved: %s", number, c.Sentence))
}

// end leaves the cursor at the start of a line.
func (p *progress) end() {
	p.quiet()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breakLine()
}
