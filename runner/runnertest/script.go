package runnertest

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"buildbisect/runner/backend"
)

// Script runs script in box within a minute, and fails t if the runner, not the script, went wrong.
func Script(t *testing.T, box backend.Box, script string) (printed string, exit backend.Exit) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	exit, err := box.Exec(ctx, script, &out)
	if err != nil {
		t.Fatalf("%v\noutput: %q", err, out.String())
	}
	return out.String(), exit
}

// Prints runs script, which must succeed and print exactly text.
func Prints(t *testing.T, box backend.Box, script, text string) {
	t.Helper()
	if got, exit := Script(t, box, script); got != text || exit.Code != 0 {
		t.Errorf("%.200q: got exit %d and %q, want exit 0 and %q", script, exit.Code, got, text)
	}
}

// Beginning is a writer that tells when the first bytes come: the script has begun.
type Beginning struct {
	Begun chan struct{} // closed then

	once sync.Once
}

// NewBeginning is one to which nothing was written.
func NewBeginning() *Beginning { return &Beginning{Begun: make(chan struct{})} }

func (f *Beginning) Write(p []byte) (int, error) {
	f.once.Do(func() { close(f.Begun) })
	return len(p), nil
}
