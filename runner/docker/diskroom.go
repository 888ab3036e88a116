package docker

import (
	"context"
	"fmt"
	"time"

	"buildbisect/runner/backend"
)

const (
	// leastFree and leastInodes are how much the engine's disk must have left.
	leastFree   = 64 << 20
	leastInodes = backend.FullInodes
	// roomPulse is how often that is looked at; a box can write a gigabyte in it.
	roomPulse = 2 * time.Second
	// settleDeadline is for what is looked at when a box has been ended for want of room.
	settleDeadline = 20 * time.Second
)

// lookForRoom ends the box if the engine's disk is nearly full. It does not wait for a look that has millions
// of files to go through.
func (w *diskWatch) lookForRoom(ctx context.Context) {
	if !w.free.due(roomPulse) {
		return
	}
	began := time.Now()
	scarce, _ := w.scarce(ctx)
	w.free.at = time.Now()
	w.free.cost = w.free.at.Sub(began)
	if scarce == nil {
		return
	}
	// One box at a time: the end of the first may make room enough for the others.
	relief := &w.box.engine.relief
	relief.Lock()
	defer relief.Unlock()
	if scarce, free := w.scarce(ctx); scarce != nil {
		w.trip(ctx, func() error { return w.blame(ctx, *scarce, free) })
	}
}

// scarce gives the first disk that has too little left, nil if there is none, or it is not known; and what is
// free on all together.
func (w *diskWatch) scarce(ctx context.Context) (scarce *backend.FreeSpace, free int64) {
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	disks, err := w.meter.room(call)
	if err != nil {
		return nil, 0 // says nothing of the box; if the engine is ill, Exec sees it
	}
	for _, disk := range disks.list {
		least := int64(leastFree)
		if disk.Inodes {
			least = leastInodes
		} else {
			free = max(free, disk.Left)
		}
		if disk.Left < least && scarce == nil {
			scarce = &disk
		}
	}
	return scarce, free
}

// blame says of a box that has just been ended for want of room whether that is the machine's trouble, for
// other things write there, too. It is the box's own if what it has written, and what came free with its end,
// as deleted files do that were still open, are more than its limit.
func (w *diskWatch) blame(ctx context.Context, scarce backend.FreeSpace, free int64) error {
	call, cancel := within(ctx, settleDeadline)
	defer cancel()
	select {
	case w.looking <- struct{}{}:
		defer func() { <-w.looking }()
	case <-call.Done():
	}
	used := w.layer.bytes + w.volumes.bytes
	if call.Err() == nil {
		w.volumes.cost, w.layer.cost = 0, 0
		used = w.measure(call, 0)
	}
	if _, now := w.scarce(ctx); now > free {
		used += now - free
	}
	if used >= w.limit {
		return nil
	}
	return fmt.Errorf("the engine's disk has too little left, %s: %s", scarce, makeRoom)
}
