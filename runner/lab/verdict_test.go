package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"buildbisect/bisect"
	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

func TestOnlyTheSignatureIsBad(t *testing.T) {
	signature := regexp.MustCompile(`^unknown flag: --platform`)
	const match, warn = "unknown flag: --platform\n", "time=1 unknown flag: --platform\n"
	for _, c := range []struct {
		name   string
		judge  scenarios.Judge
		code   int
		output string
		want   bisect.Verdict
		class  string
	}{
		{"exit 0", scenarios.Failure, 0, "", bisect.Good, ""},
		{"the incident's own status, which git would skip", scenarios.Failure, 125, "", bisect.Bad, ""},
		{"a compiler's segmentation fault", scenarios.Failure, 139, "", bisect.Bad, ""},
		{"command not found", scenarios.Failure, 127, "", bisect.Bad, ""},
		{"git's codes: skip", scenarios.GitStatus, 125, "", bisect.Skip, ""},
		{"git's codes: bad", scenarios.GitStatus, 127, "", bisect.Bad, ""},
		{"the signature and a failure", scenarios.Signature{Log: signature}, 125, match, bisect.Bad, ""},
		{"the signature in colour", scenarios.Signature{Log: signature}, 1, "\x1b[31munknown flag\x1b[0m: --platform\r\n", bisect.Bad, ""},
		{"the signature and success", scenarios.Signature{Log: signature}, 0, match, bisect.Good, ""},
		{"the signature and success, any exit", scenarios.Signature{Log: signature, AnyExit: true}, 0, match, bisect.Bad, ""},
		{"another failure", scenarios.Signature{Log: signature}, 2, "cannot find -lfoo\n", bisect.Skip, bisect.Other},
		{"another failure, any exit", scenarios.Signature{Log: signature, AnyExit: true}, 2, "cannot find -lfoo\n", bisect.Skip, bisect.Other},
		{"the words as a warning, and another failure", scenarios.Signature{Log: signature}, 2, warn, bisect.Skip, bisect.Other},
		{"no line feed at the end", scenarios.Signature{Log: signature}, 1, "unknown flag: --platform", bisect.Bad, ""},
		{"between NUL and invalid UTF-8", scenarios.Signature{Log: signature}, 1, "\x00\xff\xfe\n" + match + "\x00", bisect.Bad, ""},
	} {
		out := &output{log: io.Discard, pattern: c.judge.Pattern()}
		io.WriteString(out, c.output)
		out.endLine()
		j, err := judgeDeciding(c.judge, scenarios.Stage{Name: "release"}, ending{exit: backend.Exit{Code: c.code}}, out)
		if err != nil || j.Verdict != c.want || j.Class != c.class {
			t.Errorf("%s: %v %q %v; want %v %q", c.name, j.Verdict, j.Class, err, c.want, c.class)
		}
	}
	if _, err := judgeDeciding(scenarios.GitStatus, scenarios.Stage{}, ending{exit: backend.Exit{Code: 128}}, &output{}); !errors.Is(err, scenarios.ErrAbort) {
		t.Errorf("git's abort: %v", err)
	}
}

func TestAFailingEarlierStageIsASkipWithItsReason(t *testing.T) {
	out := &output{log: io.Discard}
	io.WriteString(out, "configure: error: no compiler\nmake: *** [x] Error 2\n")
	j, goOn := judgeEarlier(scenarios.Stage{Name: "configure"}, ending{exit: backend.Exit{Code: 77}}, out)
	if goOn || j.Verdict != bisect.Skip || !strings.Contains(j.Reason, "configure: error: no compiler") {
		t.Errorf("%v %+v", goOn, j)
	}
}

func TestALogIsKeptToTheLastByteAndMemoryStaysFlat(t *testing.T) {
	block := bytes.Repeat([]byte("0123456789abcdef\x00\xff\x1b[1m line\r\n"), 1<<12)
	log := &counter{w: io.Discard}
	out := &output{log: log, pattern: regexp.MustCompile("^never$")}
	total := 0
	for range 300 {
		n, _ := out.Write(block)
		total += n
	}
	long := bytes.Repeat([]byte("x"), 1<<20) // a line of a megabyte, and more of it
	for range 20 {
		n, _ := out.Write(long)
		total += n
	}
	if log.n != int64(total) {
		t.Errorf("%d bytes of %d are in the log", log.n, total)
	}
	kept := cap(out.line)
	for _, l := range out.recent {
		kept += len(l)
	}
	if kept > 4*longestLine || len(out.tail()) > tailLines {
		t.Errorf("%d bytes are held after %d", kept, total)
	}
}

func TestTheLineThatSaysWhyIsFoundAmongTheLastOnes(t *testing.T) {
	out := &output{log: io.Discard}
	fmt.Fprintln(out, "error: long ago")
	for i := range 3 * recentLines {
		fmt.Fprintln(out, "compiling", i)
	}
	if got := out.lastLine(); got != fmt.Sprint("compiling ", 3*recentLines-1) {
		t.Errorf("got %q", got)
	}
	fmt.Fprintln(out, "\x1b[31merror:\x1b[0m no rule")
	for i := range tailLines - 1 {
		fmt.Fprintln(out, "waiting", i)
	}
	if got := out.lastLine(); got != "error: no rule" {
		t.Errorf("got %q", got)
	}
	if tail := out.tail(); len(tail) != tailLines || tail[0] != "error: no rule" || tail[1] != "waiting 0" {
		t.Errorf("the tail begins with %q", tail[:2])
	}
}

func TestALogThatCannotBeWrittenIsNoVerdict(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	var cause error
	out := &output{log: full, stop: func(err error) { cause = err }}
	for range 3 {
		if n, err := fmt.Fprintln(out, "building"); n != 9 || err != nil {
			t.Errorf("the build notices: %d %v", n, err)
		}
	}
	if !errors.Is(cause, syscall.ENOSPC) {
		t.Errorf("stopped with %v", cause)
	}
}

func TestTheSameFailureReadsTheSameInTwoBuilds(t *testing.T) {
	a, b := normalize("error at 0x7ffe12: pid 123, commit 3f9c1e2ab"), normalize(" error at 0x55aa00: pid 9, commit 1234567 ")
	if a != b {
		t.Errorf("%q and %q differ", a, b)
	}
}
