package docker

import (
	"context"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// No engine of every kind bounds what a container may write: `--storage-opt size` wants a file system with
// project quotas, and knows nothing of volumes. So what a box has written is looked at now and then, and a
// box over its limit is ended. That is a watch and no guarantee: between two looks a box may write more,
// files that are deleted but still open are not seen, and of what lies outside of volumes the engine tells
// the bytes but not how many entries they are in. One file alone is bounded by the kernel (see limit), and a
// box is ended, too, before the engine's disk is full: see diskroom.go.
const (
	// firstLook is when a box is looked at first: a trial shorter than that pays nothing.
	firstLook = 5 * time.Second
	// restraint is the least pause between two looks, in multiples of what the last one cost: a watched trial
	// takes 5 % longer at most. Of 20,000 files in volumes a look takes a quarter of a second, and half a
	// second more the first time; of a layer over a whole Debian on fuse-overlayfs, which has to be compared
	// with what lies below, three quarters. Where the layers' driver keeps what was written apart, as
	// overlay2 does, that is less.
	restraint = 20
	// lookDeadline is for one look, at millions of files. A build that can make it take longer makes itself
	// unwatched for as long.
	lookDeadline = 5 * time.Minute
	// fileSizeSignal is the status of a script whose command the kernel killed for a file larger than the
	// limit: 128 and SIGXFSZ.
	fileSizeSignal = 128 + 25
)

// diskWatch watches what one box writes. A nil one watches nothing.
type diskWatch struct {
	box   *box
	meter *volumeMeter
	limit int64 // bytes
	end   context.CancelFunc
	loops sync.WaitGroup

	looking chan struct{} // holds a token during a look
	layer   gauge
	volumes gauge

	free gauge // only its times; see lookForRoom

	heard bool // a script has said that a file is too large; of the goroutine that runs scripts

	state   chan struct{} // holds a token of who reads or writes the following, which may take as long as a box's end
	tripped bool
	cause   error // why the box was ended, if not for having written too much itself
}

// gauge is one of the things that are measured, with what that costs.
type gauge struct {
	bytes int64
	at    time.Time     // when the last measurement ended; at first: when the box started
	cost  time.Duration // of the last one; 0: there was none
}

// atOnce is the pause before a look that somebody's complaint calls for.
const atOnce = -1

// due reports whether measuring again keeps to our restraint, and leaves that much time at least.
func (g *gauge) due(least time.Duration) bool {
	if g.cost == 0 && least != atOnce {
		least = firstLook
	}
	return least == atOnce || time.Since(g.at) >= max(least, restraint*g.cost)
}

func (g *gauge) measure(how func() (int64, error)) {
	began := time.Now()
	// That a measurement failed says nothing of the box. If the engine is ill, Exec sees it.
	if bytes, err := how(); err == nil {
		g.bytes = bytes
	}
	g.at = time.Now()
	g.cost = g.at.Sub(began)
}

// watchDisk watches b until stop.
func watchDisk(b *box, limit int64) *diskWatch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &diskWatch{box: b, limit: limit, meter: b.meter, end: cancel, looking: make(chan struct{}, 1), state: make(chan struct{}, 1)}
	now := time.Now()
	w.layer.at, w.volumes.at, w.free.at = now, now, now
	w.every(ctx, func() { w.look(ctx, firstLook) })
	w.every(ctx, func() { w.lookForRoom(ctx) })
	return w
}

// every does what is to be done until the watch ends, or the box has been ended.
func (w *diskWatch) every(ctx context.Context, do func()) {
	w.loops.Go(func() {
		ticker := time.NewTicker(firstLook / 5)
		defer ticker.Stop()
		for !w.over(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				do()
			}
		}
	})
}

// stop ends the watch.
func (w *diskWatch) stop() {
	if w == nil {
		return
	}
	w.end()
	w.loops.Wait()
}

// look measures what is due, and ends the box if that is too much.
func (w *diskWatch) look(ctx context.Context, least time.Duration) {
	select {
	case w.looking <- struct{}{}:
		defer func() { <-w.looking }()
	case <-ctx.Done():
		return
	}
	if w.over(ctx) {
		return
	}
	call, cancel := within(ctx, lookDeadline)
	defer cancel()
	if w.measure(call, least) >= w.limit {
		w.trip(ctx, func() error { return nil })
	}
}

// measure measures what is due, and says what the box has written. The caller looks, and nobody else.
func (w *diskWatch) measure(ctx context.Context, least time.Duration) int64 {
	if w.volumes.due(least) {
		w.volumes.measure(func() (int64, error) { return w.meter.weigh(ctx) })
	}
	if w.layer.due(least) {
		w.layer.measure(func() (int64, error) { return w.box.layerSize(ctx) })
	}
	return w.layer.bytes + w.volumes.bytes
}

// trip ends the box, once, and has why say whether that is for something else than having written too much
// itself.
func (w *diskWatch) trip(ctx context.Context, why func() error) {
	select {
	case w.state <- struct{}{}:
		defer func() { <-w.state }()
	case <-ctx.Done():
		return
	}
	if w.tripped {
		return
	}
	w.tripped = true
	// If the kill fails the engine is in trouble, and Close will say so.
	_ = w.box.kill(ctx)
	w.cause = why()
}

func (w *diskWatch) over(ctx context.Context) bool {
	select {
	case w.state <- struct{}{}:
		defer func() { <-w.state }()
		return w.tripped
	case <-ctx.Done():
		return true
	}
}

// complained notes whether a script has said that a file is too large, which it may say of whatever it likes.
func (w *diskWatch) complained(heard bool) {
	if w != nil {
		w.heard = heard
	}
}

// judge says how a script ended in view of what the box has written. After a script that failed it looks once
// more: the kernel may have refused it a file of the size of the whole limit. It waits for a judgement that
// is under way.
func (w *diskWatch) judge(ctx context.Context, what string, exit backend.Exit, err error) (backend.Exit, error) {
	if w == nil || ctx.Err() != nil {
		return exit, err
	}
	if err == nil && exit.Code != 0 && !exit.OOM {
		var least time.Duration
		if w.heard {
			least = atOnce
		}
		w.look(ctx, least)
	}
	select {
	case w.state <- struct{}{}:
		defer func() { <-w.state }()
	case <-ctx.Done():
		return exit, err
	}
	switch {
	case w.cause != nil:
		return backend.Exit{}, backend.Infrastructuref("%s: %w", what, w.cause)
	case w.tripped:
		return backend.Exit{Code: 137, Full: true}, nil
	case err == nil && exit.Code == fileSizeSignal:
		exit.Full = true
	}
	return exit, err
}

// layerSize is what the box's containers have written outside of volumes, as the engine counts it: a sparse
// file by its length.
func (b *box) layerSize(ctx context.Context) (sum int64, err error) {
	for _, id := range b.containers() {
		found, err := b.engine.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{Size: true})
		if err != nil {
			return 0, err
		}
		if size := found.Container.SizeRw; size != nil && *size > 0 { // -1: the engine does not know
			sum += *size
		}
	}
	return sum, nil
}
