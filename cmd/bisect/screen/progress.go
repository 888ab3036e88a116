package screen

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"buildbisect/bisect/report"
	"buildbisect/runner/journal"
)

// How often a trial that is still running says so: a terminal shows a clock, a log file gets a mark now and
// then.
const (
	terminalBeat = time.Second
	logBeat      = 10 * time.Second
)

// Progress tells on stderr what is tried, why, and how it went. It is a [journal.Observer].
//
// Where one trial runs at a time each has a line, begun when it starts. Where several do, a line tells of
// each start and one of each end, and in between a last line counts what runs.
type Progress struct {
	w        io.Writer
	terminal bool // w is one
	parallel bool // several trials may run at a time

	mu      sync.Mutex
	open    bool // the line that the cursor is in has begun and not ended
	counted int  // characters of it that will be written over
	spoke   time.Time
	running map[int]running
	stop    chan struct{}
	stopped sync.WaitGroup
}

// running is a trial under way.
type running struct {
	at    string // the point in words
	begun time.Time
}

// oneLine makes a list of errors read on one line.
var oneLine = strings.NewReplacer("\n\t* ", "; ", "\n\n", "", "\n", "; ")

var _ journal.Observer = (*Progress)(nil)

// NewProgress tells what goes on to w.
func NewProgress(w io.Writer) *Progress {
	f := FileOf(w)
	return &Progress{w: w, terminal: f != nil && isatty.IsTerminal(f.Fd()), running: map[int]running{}}
}

// Line prints a line of its own.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breakLine()
	fmt.Fprintln(p.w, report.Clean(oneLine.Replace(text)))
}

// Warn prints a warning.
func (p *Progress) Warn(text string) { p.Line("warning: " + text) }

// WhenSlow says what takes so long, if it takes longer than a second. The function it returns ends the wait.
func (p *Progress) WhenSlow(what string) (done func()) {
	timer := time.AfterFunc(time.Second, func() { p.Line(what + " …") })
	return func() { timer.Stop() }
}

// breakLine leaves the cursor at the start of a line. A trial's line stays as far as it has come, a count
// goes.
func (p *Progress) breakLine() {
	switch {
	case !p.open:
	case p.parallel && p.terminal:
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.counted))
	case p.parallel:
		fmt.Fprintln(p.w)
	default:
		fmt.Fprintln(p.w, " …")
	}
	p.open, p.counted = false, 0
}

// Parallel says that several trials may run at a time.
func (p *Progress) Parallel() { p.parallel = true }

// Started tells of a trial, so that what is running can be read while it runs.
func (p *Progress) Started(id int, at, question string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breakLine()
	p.spoke = time.Now()
	fmt.Fprintf(p.w, "%3d  %s  %s", id, report.Clean(question), report.Clean(at))
	if p.open = !p.parallel; p.parallel {
		fmt.Fprintln(p.w)
	}
	p.running[id] = running{at, time.Now()}
	if p.stop == nil {
		stop := make(chan struct{}) // not read from p in the goroutine: a trial may have ended before that starts
		p.stop = stop
		p.stopped.Go(func() { p.beat(stop) })
	}
}

// beat shows that long trials are alive.
func (p *Progress) beat(stop <-chan struct{}) {
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
			p.tick()
			p.mu.Unlock()
		}
	}
}

// tick writes how long it has been. A terminal shows the last count alone.
func (p *Progress) tick() {
	oldest := time.Now()
	for _, r := range p.running {
		if r.begun.Before(oldest) {
			oldest = r.begun
		}
	}
	text := fmt.Sprintf(" … %.0f s", time.Since(oldest).Seconds())
	if p.parallel {
		text = fmt.Sprintf(" … %d running, the longest for %.0f s", len(p.running), time.Since(oldest).Seconds())
		if !p.terminal {
			if time.Since(p.spoke) > logBeat/2 {
				fmt.Fprintln(p.w, text)
			}
			return
		}
	}
	if p.terminal {
		fmt.Fprint(p.w, strings.Repeat("\b", p.counted))
	}
	fmt.Fprint(p.w, text)
	p.open, p.counted = true, len([]rune(text))
}

// quiet ends the heartbeat, if one runs and nothing else does.
func (p *Progress) quiet() {
	p.mu.Lock()
	stop := p.stop
	if len(p.running) > 0 {
		stop = nil
	} else {
		p.stop = nil
	}
	p.mu.Unlock()
	if stop != nil {
		close(stop)
		p.stopped.Wait()
	}
}

// Ended says how a trial went: on its own line, or on a new one that names it again.
func (p *Progress) Ended(id int, e journal.Ending) {
	p.mu.Lock()
	at := p.running[id].at
	delete(p.running, id)
	p.mu.Unlock()
	p.quiet()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parallel {
		p.breakLine()
	}
	if !p.open {
		fmt.Fprintf(p.w, "%3d", id)
	}
	fmt.Fprintf(p.w, "  -> %s", report.Clean(e.Said))
	if e.Took > 0 {
		fmt.Fprintf(p.w, ", %.1f s", e.Took.Seconds())
	}
	if p.parallel {
		fmt.Fprintf(p.w, "  %s", report.Clean(at))
	}
	if e.Reason != "" {
		fmt.Fprintf(p.w, " (%s)", report.Clean(e.Reason))
	}
	fmt.Fprintln(p.w)
	p.open, p.counted = false, 0
}

// Proved announces what is proved at once: the proof that there is no more may take long.
func (p *Progress) Proved(what string) { p.Line(what) }

// End leaves the cursor at the start of a line.
func (p *Progress) End() {
	p.mu.Lock()
	clear(p.running)
	p.mu.Unlock()
	p.quiet()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breakLine()
}
