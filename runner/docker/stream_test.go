package docker

import (
	"bytes"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"
)

// frame is what an engine sends for one piece of output: the stream's number, three zeros, the length, the bytes.
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
	go func() {
		for _, f := range [][]byte{frame(2, "bisect beg"), frame(2, "in 4\n"), frame(1, "one\n"), frame(2, "Killed\nbisect end 3 4\n"), frame(1, "late\n")} {
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
		"bisect begin 4\nbisect end 137 6\n": oomYes,
		"bisect begin 4\nbisect end 137 4\n": oomNo,
		"bisect begin -\nbisect end 137 -\n": oomUnknown,
	} {
		c := &control{onEnd: func() {}}
		c.Write([]byte(words))
		if _, got, ended := c.result(); got != want || !ended {
			t.Errorf("%q: got %v, %t", words, got, ended)
		}
	}
}

func TestCheckScriptsQuoteTheirWords(t *testing.T) {
	if script := checkScript([]string{"a b", "it's", "$x"}); !strings.Contains(script, `'a b' 'it'\''s' '$x' ||`) {
		t.Errorf("got %s", script)
	}
}
