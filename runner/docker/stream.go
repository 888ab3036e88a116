package docker

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"

	"buildbisect/runner/backend"
)

const (
	// silence is how long output may pause, once the script has ended, before it counts as complete: what a
	// dead process wrote is on its way already.
	silence = 300 * time.Millisecond
	// drainLimit cuts off background processes that never stop printing. Time in which the reader of the
	// output lets us wait does not count.
	drainLimit = 3 * time.Second
)

// stream copies what an exec prints from the engine's connection. Standard output carries the script's
// output, both kinds of it; standard error carries the words of its supervisor.
type stream struct {
	conn    net.Conn
	control control

	// Unix nanoseconds of when reading must end; 0 while the script runs.
	limit atomic.Int64

	writeErr error           // set by copy
	noSpace  backend.Matcher // by copy, too
	tooLarge backend.Matcher
	signal   backend.Matcher

	mu    sync.Mutex
	start []byte // the first bytes of output: the engine's own complaint where it could run nothing
}

func newStream(conn net.Conn) *stream {
	s := &stream{conn: conn, control: control{begin: rand.Text(), end: rand.Text()}, noSpace: backend.Matcher{Words: noSpaceWords}, tooLarge: backend.Matcher{Words: fileLimits}, signal: backend.Matcher{Words: fileSignal}}
	s.control.onOver = s.drain
	return s
}

// copy returns at the end of the output, nil too when drain has cut it off.
func (s *stream) copy(out io.Writer) error {
	_, err := stdcopy.StdCopy(&output{s, out}, &s.control, s)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// Read gives what the engine sends. It waits for ever while the script runs and a little when it has ended.
func (s *stream) Read(p []byte) (int, error) {
	if limit := s.limit.Load(); limit != 0 {
		s.patience(time.Unix(0, limit))
	}
	return s.conn.Read(p)
}

// drain says that the script has ended: read what is on its way, and no more. Later calls change nothing.
func (s *stream) drain() {
	limit := time.Now().Add(drainLimit)
	if s.limit.CompareAndSwap(0, limit.UnixNano()) {
		s.patience(limit)
	}
}

func (s *stream) patience(limit time.Time) {
	until := time.Now().Add(silence)
	if until.After(limit) {
		until = limit
	}
	// It fails only on a closed connection, where the read fails too.
	_ = s.conn.SetReadDeadline(until)
}

// complaint gives as one line what was said in place of a script's output.
func (s *stream) complaint() string {
	if remark := s.control.lastRemark(); remark != "" {
		return remark
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text := strings.Join(strings.Fields(plain(string(s.start))), " "); text != "" {
		return shortened(text)
	}
	return "it gave no reason"
}

// output keeps the start of what it passes on, and whether passing on failed.
type output struct {
	stream *stream
	w      io.Writer
}

func (o *output) Write(p []byte) (int, error) {
	const keep = 1024
	if s := o.stream; len(s.start) < keep {
		s.mu.Lock()
		s.start = append(s.start, p[:min(len(p), keep-len(s.start))]...)
		s.mu.Unlock()
	}
	o.stream.noSpace.Listen(p)
	o.stream.tooLarge.Listen(p)
	o.stream.signal.Listen(p)
	began := time.Now()
	n, err := o.w.Write(p)
	if o.stream.limit.Load() != 0 {
		o.stream.limit.Add(int64(time.Since(began)))
	}
	if err != nil {
		o.stream.writeErr = err
	}
	return n, err
}
