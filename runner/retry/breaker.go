package retry

import (
	"context"
	"sync"
	"time"
)

// breaker counts failures of the back end in a row, over all workers. Failures of trials that ran when
// another failed are of the same outage, and count as one; and all wait for the same moment to try again. So
// it takes as long with many workers as with one.
type breaker struct {
	mu     sync.Mutex
	outage int // rises with each failure that counts
	failed int // in a row
	until  time.Time
}

// begin is called before a try. It waits for the end of an outage, and returns the number of the last one.
func (b *breaker) begin(ctx context.Context) (outage int, err error) {
	for {
		b.mu.Lock()
		wait, last := time.Until(b.until), b.outage
		b.mu.Unlock()
		if wait <= 0 {
			return last, nil
		}
		if err := pause(ctx, wait); err != nil {
			return 0, err
		}
	}
}

func (b *breaker) worked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = 0
}

// fail reports whether there is to be no other try. begun is what begin returned; attempt counts the tries of
// the trial.
func (b *breaker) fail(begun, attempt int, pause time.Duration) (open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if begun == b.outage {
		b.until = time.Now().Add(pause << b.failed)
		b.outage++
		b.failed++
	}
	return b.failed >= mostFailures || attempt >= mostFailures
}
