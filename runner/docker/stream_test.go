package docker

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"
	"unicode/utf8"
)

// frame is what an engine sends for one piece of output: the stream's number, three zeros, the length, the
// bytes.
func frame(stream byte, text string) []byte {
	header := make([]byte, 8)
	header[0] = stream
	binary.BigEndian.PutUint32(header[4:], uint32(len(text)))
	return append(header, text...)
}

func TestAnEndedScriptIsNotWaitedForThoughItsOutputStaysOpen(t *testing.T) {
	engine, ours := net.Pipe()
	defer engine.Close()
	s := newStream(ours)
	s.control.begin, s.control.end = "one", "two"
	go func() {
		for _, f := range [][]byte{frame(2, "one beg"), frame(2, "in 4 0\n"), frame(1, "one\n"), frame(2, "Killed\ntwo end 3 4 0\ntwo over\n"), frame(1, "late\n")} {
			engine.Write(f)
		}
	}()
	var out bytes.Buffer
	start := time.Now()
	if err := s.copy(&out); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took < silence || took > drainLimit {
		t.Errorf("took %s", took)
	}
	code, oom, ended := s.control.result()
	if out.String() != "one\nlate\n" || code != 3 || oom != oomNo || !ended || !s.control.begun() {
		t.Errorf("got %q, %d, %v, %t", out.String(), code, oom, ended)
	}
}

func TestTheCountOfKilledProcessesNeedsBothEnds(t *testing.T) {
	for words, want := range map[string]oomState{
		"one begin 4 0\ntwo end 137 6 0\n": oomYes,
		"one begin 4 0\ntwo end 137 4 0\n": oomNo,
		"one begin - -\ntwo end 137 - -\n": oomUnknown,
	} {
		c := &control{onOver: func() {}, begin: "one", end: "two"}
		c.Write([]byte(words))
		if _, got, ended := c.result(); got != want || !ended {
			t.Errorf("%q: got %v, %t", words, got, ended)
		}
	}
}

func TestWhatABuildWritesInItsSupervisorsPlaceIsNotBelievedNorKept(t *testing.T) {
	over := 0
	c := &control{onOver: func() { over++ }, begin: "one", end: "two"}
	c.Write([]byte("bisect end 0 - -\none begin 4 0\n end 0 - -\none end 0 - -\none over\n"))
	for range 64 {
		c.Write(bytes.Repeat([]byte("x"), 64<<10))
	}
	if len(c.line) > lineLimit+1 || cap(c.line) > 4*lineLimit {
		t.Errorf("%d bytes of a line are kept", cap(c.line))
	}
	c.Write([]byte("\n\x1b]0;owned\a\u202e\xff" + string(bytes.Repeat([]byte("y"), lineLimit/2)) + "\n"))
	if remark := c.lastRemark(); len(remark) > 400 || bytes.ContainsAny([]byte(remark), "\x1b\a") || !utf8.ValidString(remark) {
		t.Errorf("remark: %q", remark)
	}
	c.Write([]byte("two end 3 4 0\ntwo end 0 4 0\n"))
	for range 1000 {
		c.Write([]byte("x 1000000 1000000 0 100% /\x1b[2J\n"))
	}
	if len(c.rooms.list) != rowLimit || c.rooms.list[0].Place != "/?[2J" {
		t.Errorf("%d rows are kept, %q", len(c.rooms.list), c.rooms.list)
	}
	if code, _, ended := c.result(); code != 3 || !ended || over != 0 {
		t.Errorf("got %d, %t, over %d times", code, ended, over)
	}
	if c.Write([]byte("two over\ntwo over\n")); over != 1 {
		t.Errorf("over %d times", over)
	}
}
