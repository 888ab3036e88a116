package fetch

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// With helperEnv set, the test binary is a process that fetches: its value is "dir url sha256".
const helperEnv = "BISECT_TEST_FETCH"

func TestMain(m *testing.M) {
	args := strings.Fields(os.Getenv(helperEnv))
	if len(args) == 0 {
		os.Exit(m.Run())
	}
	c := &Client{
		Dir: args[0], Delay: time.Millisecond,
		Say:      func(line string) { fmt.Println("say:", line) },
		Progress: func(done, _ int64) { fmt.Println("progress:", done) },
	}
	path, err := c.Get(context.Background(), args[1], args[2], 0)
	fmt.Println("path:", path)
	fmt.Println("error:", err)
}

// process starts another process that fetches; wait reads its output up to a line that begins like that.
func process(t *testing.T, env []string, c *Client, url, sum string) (cmd *exec.Cmd, wait func(prefix string) string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self)
	cmd.Env = append(append(os.Environ(), env...), helperEnv+"="+c.Dir+" "+url+" "+sum)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	return cmd, func(prefix string) string {
		t.Helper()
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return rest
			}
		}
		t.Fatalf("the process ended before it printed %q: %v", prefix, lines.Err())
		return ""
	}
}

func TestTwoProcessesFetchAFileOnce(t *testing.T) {
	content := noise(30, 300_000)
	waiting := make(chan struct{})
	s := newSite(t, content, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:100_000])
		w.(http.Flusher).Flush()
		<-waiting
		_, _ = w.Write(content[100_000:])
		return true
	})
	c, _ := quick(t)
	release := sync.OnceFunc(func() { close(waiting) })
	defer release()
	_, first := process(t, nil, c, s.URL, sumOf(content))
	first("progress: ")
	_, second := process(t, nil, c, s.URL, sumOf(content))
	second("say: waiting for another process")
	release()
	for _, p := range []func(string) string{first, second} {
		path := p("path: ")
		if e := p("error: "); e != "<nil>" {
			t.Fatal(e)
		}
		wantFile(t, path, nil, content)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestWhatAKilledProcessLeftIsResumed(t *testing.T) {
	content := noise(31, 300_000)
	s := newSite(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:100_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	})
	c, _ := quick(t)
	cmd, wait := process(t, nil, c, s.URL, sumOf(content))
	wait("progress: ")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	if r := s.requests()[1].Header.Get("Range"); !strings.HasPrefix(r, "bytes=") {
		t.Errorf("Range %q: not resumed", r)
	}
}

func TestAProxyIsTakenFromTheEnvironment(t *testing.T) {
	content := noise(32, 10_000)
	s := newSite(t, content, nil)
	c, _ := quick(t)
	_, wait := process(t, []string{"http_proxy=" + s.URL, "HTTP_PROXY=" + s.URL, "no_proxy=", "NO_PROXY="}, c,
		"http://files.example.org/tool", sumOf(content))
	path := wait("path: ")
	if e := wait("error: "); e != "<nil>" {
		t.Fatal(e)
	}
	wantFile(t, path, nil, content)
	if got := s.requests()[0].URL.String(); got != "http://files.example.org/tool" {
		t.Errorf("the proxy was asked for %s", got)
	}
}

func TestAFullDiskIsSaidAndLeavesNothingCorrupt(t *testing.T) {
	flag := "-m"
	if os.Geteuid() != 0 {
		flag = "-rm" // an ordinary user must be root of a namespace to mount
	}
	if err := exec.Command("unshare", flag, "true").Run(); err != nil {
		t.Skipf("no file systems of its own for a process: unshare %s: %v", flag, err)
	}
	content := noise(33, 1_000_000)
	s := newSite(t, content, nil)
	c, _ := quick(t)
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// A disk of 256 KiB; what stays on it is copied out, for the file system ends with the process.
	left := t.TempDir()
	script := `mount -t tmpfs -o size=256k none "$1" && "$2" && cp -r "$1"/. "$3"`
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", flag, "sh", "-ec", script, "sh", c.Dir, self, left)
	cmd.Env = append(os.Environ(), helperEnv+"="+c.Dir+" "+s.URL+" "+sumOf(content))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "no space left on device; make room and run again: it goes on from where it was") {
		t.Errorf("it says %s", out)
	}
	sum := sumOf(content)
	wantNames(t, left, sum+".lock", sum+".part")
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}

	// There is room now.
	if err := os.Rename(filepath.Join(left, sum+".part"), filepath.Join(c.Dir, sum+".part")); err != nil {
		t.Fatal(err)
	}
	path, err := c.Get(t.Context(), s.URL, sum, 0)
	wantFile(t, path, err, content)
	if r := s.requests()[1].Header.Get("Range"); !strings.HasPrefix(r, "bytes=") {
		t.Errorf("Range %q: not resumed", r)
	}
}
