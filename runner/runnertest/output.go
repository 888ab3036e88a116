package runnertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
)

func (s *suite) exitCodes(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	for _, code := range []int{0, 1, 2, 125, 126, 127, 130, 137, 139, 255} {
		if _, exit := Script(t, box, fmt.Sprintf("exit %d", code)); exit.Code != code || exit.OOM {
			t.Errorf("exit %d: got %+v", code, exit)
		}
	}
	for script, code := range map[string]int{"no-such-command": 127, "/etc": 126, "kill -SEGV $$": 139, "if": 2} {
		if out, exit := Script(t, box, script); exit.Code != code {
			t.Errorf("%s: got %+v, want %d; output %q", script, exit, code, out)
		}
	}
}

func (s *suite) firstFailure(t *testing.T) {
	out, exit := Script(t, s.box(t, backend.BoxSpec{}), "echo before\nsh -c 'exit 3'\necho after")
	if out != "before\n" || exit.Code != 3 {
		t.Errorf("got %+v, %q", exit, out)
	}
}

func (s *suite) interleaving(t *testing.T) {
	out, _ := Script(t, s.box(t, backend.BoxSpec{}), `i=0; while [ $i -lt 2000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done`)
	var expected strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&expected, "out %d\nerr %d\n", i, i)
	}
	if out != expected.String() {
		t.Errorf("the order of %d bytes was not kept: %.200q…", len(out), out)
	}
}

func (s *suite) binaryOutput(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	// NUL, ANSI colour, invalid UTF-8, a lone carriage return, no newline at the end; and what the engine's
	// own framing looks like.
	Prints(t, box, `printf 'a\000b\033[31mred\377\376\r\001\000\000\000\000\000\000\004x'`, "a\x00b\x1b[31mred\xff\xfe\r\x01\x00\x00\x00\x00\x00\x00\x04x")
}

// largeOutput bounds time and memory: a log of 200 MB must neither gather somewhere nor crawl.
func (s *suite) largeOutput(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	const size = 200 << 20
	var out counter
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	exit, err := box.Exec(t.Context(), fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x; echo; echo end", size), &out)
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	if err != nil || exit.Code != 0 {
		t.Fatal(exit, err)
	}
	if out.n != size+len("\nend\n") || string(out.tail) != "x\nend\n" {
		t.Errorf("got %d bytes ending in %q", out.n, out.tail)
	}
	if heap := int64(after.HeapSys) - int64(before.HeapSys); heap > 32<<20 {
		t.Errorf("the heap grew by %d MB", heap>>20)
	}
	if elapsed > 20*time.Second {
		t.Errorf("took %s", elapsed)
	}
	t.Logf("%d MB in %s, %.0f MB/s", size>>20, elapsed.Round(time.Millisecond), float64(size>>20)/elapsed.Seconds())
}

// counter counts what is written and keeps the last six bytes.
type counter struct {
	n    int
	tail []byte
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	c.tail = append(c.tail, p[max(0, len(p)-6):]...)
	c.tail = c.tail[max(0, len(c.tail)-6):]
	return len(p), nil
}

type brokenDisk struct{ err error }

func (b *brokenDisk) Write([]byte) (int, error) { return 0, b.err }

func (s *suite) brokenWriter(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	full := errors.New("no space left on device")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := box.Exec(ctx, "while :; do echo line; done", &brokenDisk{full})
	if !errors.Is(err, full) || !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
}

func (s *suite) oddScripts(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	Prints(t, box, "", "")
	Prints(t, box, "# only a remark", "")
	Prints(t, box, `echo 'single' "double" \\ '$HOME' "é ☃"`, "single double \\ $HOME é ☃\n")
	Prints(t, box, "cat <<'END'\nhere $x `y`\nEND\n", "here $x `y`\n")
	Prints(t, box, "echo $0 $#", "/bin/sh 0\n")
	if out, exit := Script(t, box, "-x"); exit.Code != 127 {
		t.Errorf("a script that looks like an option: got %+v, %q", exit, out)
	}
	long := "x=" + strings.Repeat("y", 300<<10) + "\necho ${#x}\nsh -c 'exit 7'\n"
	if out, exit := Script(t, box, long); out != fmt.Sprintln(300<<10) || exit.Code != 7 {
		t.Errorf("a script of 300 kB: got %+v, %.100q", exit, out)
	}
}

func (s *suite) closedOutput(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	if _, exit := Script(t, box, "exec >&- 2>&-; sleep 0.5; exit 9"); exit.Code != 9 {
		t.Errorf("got %+v", exit)
	}
}

func (s *suite) background(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	for _, script := range []string{
		"sleep 60 & echo done; exit 4",
		"(while :; do echo noise; sleep 0.1; done) & echo done; exit 4",
	} {
		var out bytes.Buffer
		start := time.Now()
		exit, err := box.Exec(t.Context(), script, &out)
		if err != nil || exit.Code != 4 || !strings.Contains(out.String(), "done\n") {
			t.Errorf("%s: got %+v, %v, %q", script, exit, err, out.String())
		}
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("%s: took %s", script, took)
		}
	}
}
