package runnertest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"buildbisect/runner/backend"
)

// A Fault is what happens to one box.
type Fault string

const (
	NoStart     Fault = "does not start"
	LostStart   Fault = "is lost as soon as it has started"
	NoExec      Fault = "runs no script"
	LostExec    Fault = "runs its script and loses how that ended"
	ClosedUnder Fault = "is removed while its script runs" // needs a shell in the box
	NoClose     Fault = "is removed, and that is not told"
	SlowClose   Fault = "takes its time to go"
)

// AllFaults are all there are.
func AllFaults() []Fault {
	return []Fault{NoStart, LostStart, NoExec, LostExec, ClosedUnder, NoClose, SlowClose}
}

// mostInARow is how many boxes one after the other, and of one trial, may fail: fewer than a run stops at.
const mostInARow = 3

const noFault Fault = ""

// Faulty wraps a back end so that one in eight of its boxes fails, at random. It has all abilities of what it
// wraps.
type Faulty struct {
	backend.Backend
	Faults []Fault // none: no box fails
	Dice   *rand.Rand

	mu     sync.Mutex
	row    int            // failures since the last box that did not fail
	trial  map[string]int // failures by the name of the box: of the run at hand
	seen   map[Fault]int
	boxes  int
	failed int
}

// Unwrap returns the back end that does not fail.
func (f *Faulty) Unwrap() backend.Backend { return f.Backend }

// Begin forgets the trials of the run before.
func (f *Faulty) Begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trial = map[string]int{}
}

// Seen counts the boxes there were, and the faults by kind.
func (f *Faulty) Seen() (boxes int, faults map[Fault]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.boxes, f.seen
}

func (f *Faulty) draw(name string) (fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.boxes++
	if len(f.Faults) > 0 && f.Dice.IntN(8) == 0 {
		fault = f.Faults[f.failed%len(f.Faults)] // in turn, so that each has its share
		f.failed++
	}
	if fault == noFault || fault == SlowClose || f.row >= mostInARow || f.trial[name] >= mostInARow {
		f.row = 0
		if fault != SlowClose {
			return noFault
		}
	} else {
		f.row++
		if f.trial == nil {
			f.trial = map[string]int{}
		}
		f.trial[name]++
	}
	if f.seen == nil {
		f.seen = map[Fault]int{}
	}
	f.seen[fault]++
	return fault
}

// Start starts a box that may fail.
func (f *Faulty) Start(ctx context.Context, spec backend.BoxSpec) (backend.Box, error) {
	fault := f.draw(spec.Name)
	if fault == NoStart {
		return nil, broken(fault, spec.Name)
	}
	box, err := f.Backend.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	if fault == LostStart {
		if err := box.Close(); err != nil {
			return nil, err
		}
		return nil, broken(fault, spec.Name)
	}
	return &faultyBox{Box: box, fault: fault, name: spec.Name}, nil
}

func broken(f Fault, name string) error {
	return fmt.Errorf("box %s %s: %w", name, f, backend.ErrInfrastructure)
}

type faultyBox struct {
	backend.Box
	fault   Fault
	name    string
	closing sync.WaitGroup
}

func (b *faultyBox) Unwrap() backend.Box { return b.Box }

func (b *faultyBox) Exec(ctx context.Context, script string, out io.Writer) (backend.Exit, error) {
	switch b.fault {
	case NoExec:
		return backend.Exit{}, broken(b.fault, b.name)
	case LostExec:
		_, err := b.Box.Exec(ctx, script, out)
		if err == nil {
			err = broken(b.fault, b.name)
		}
		return backend.Exit{}, err
	case ClosedUnder:
		// Whatever the script would have said: it does not come so far.
		var once sync.Once
		begun := writerFunc(func(p []byte) (int, error) {
			once.Do(func() { b.closing.Go(func() { _ = b.Box.Close() }) }) // Close tells it again
			return out.Write(p)
		})
		return b.Box.Exec(ctx, "echo begun\nsleep 600\n"+script, begun)
	}
	return b.Box.Exec(ctx, script, out)
}

func (b *faultyBox) Close() error {
	b.closing.Wait()
	if b.fault == SlowClose {
		time.Sleep(700 * time.Millisecond) // this is the fault
	}
	err := b.Box.Close()
	if err == nil && b.fault == NoClose {
		err = broken(b.fault, b.name)
	}
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
