package runner_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/docker"
)

// fault is what happens to one box.
type fault string

const (
	none        fault = ""
	noStart     fault = "does not start"
	lostStart   fault = "is lost as soon as it has started"
	noExec      fault = "runs no script"
	lostExec    fault = "runs its script and loses how that ended"
	closedUnder fault = "is removed while its script runs"
	noClose     fault = "is removed, and that is not told"
	slowClose   fault = "takes its time to go"
)

func faults() []fault {
	return []fault{noStart, lostStart, noExec, lostExec, closedUnder, noClose, slowClose}
}

// mostInARow is how many boxes one after the other, and of one trial, may fail: fewer than the run would stop
// at.
const mostInARow = 3

// faulty is the real engine, whose boxes fail at random: one in eight or so.
type faulty struct {
	*docker.Engine

	mu    sync.Mutex
	dice  *rand.Rand
	row   int            // failures since the last box that did not fail
	trial map[string]int // failures by the name of the box: of the run at hand
	seen  map[fault]int

	boxes, faults int
}

// begin forgets the trials of the run before.
func (e *faulty) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trial = map[string]int{}
}

func (e *faulty) draw(name string) (f fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.boxes++
	if e.dice.IntN(8) == 0 {
		f = faults()[e.faults%len(faults())] // in turn, so that each has its share
		e.faults++
	}
	if f != slowClose && f != none && (e.row >= mostInARow || e.trial[name] >= mostInARow) {
		f = none
	}
	switch f {
	case none, slowClose:
		e.row = 0
	default:
		e.row++
		e.trial[name]++
	}
	if f != none {
		e.seen[f]++
	}
	return f
}

func (e *faulty) Start(ctx context.Context, spec backend.BoxSpec) (backend.Box, error) {
	f := e.draw(spec.Name)
	if f == noStart {
		return nil, broken(f, spec.Name)
	}
	box, err := e.Engine.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	if f == lostStart {
		if err := box.Close(); err != nil {
			return nil, err
		}
		return nil, broken(f, spec.Name)
	}
	return &faultyBox{Box: box, fault: f, name: spec.Name}, nil
}

func broken(f fault, name string) error {
	return fmt.Errorf("box %s %s: %w", name, f, backend.ErrInfrastructure)
}

type faultyBox struct {
	backend.Box
	fault   fault
	name    string
	closing sync.WaitGroup
}

func (b *faultyBox) Exec(ctx context.Context, script string, out io.Writer) (backend.Exit, error) {
	switch b.fault {
	case noExec:
		return backend.Exit{}, broken(b.fault, b.name)
	case lostExec:
		_, err := b.Box.Exec(ctx, script, out)
		if err == nil {
			err = broken(b.fault, b.name)
		}
		return backend.Exit{}, err
	case closedUnder:
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
	if b.fault == slowClose {
		time.Sleep(700 * time.Millisecond) // this is the fault
	}
	err := b.Box.Close()
	if err == nil && b.fault == noClose {
		err = broken(b.fault, b.name)
	}
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
