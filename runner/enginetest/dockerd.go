package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/runnertest"
)

// RunDockerd holds e to what it promises of boxes that have a Docker engine of their own. Image, as Load
// returned it, is one with the command docker in it.
func RunDockerd(t *testing.T, e backend.Backend, image string, dockerd backend.DockerdSpec, outside Outside) {
	s := &suite{engine: e, id: image, dockerd: &dockerd, outside: outside}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"ABuildMountsWhatItSeesAndReachesWhatItStarted", s.atHome},
		{"ABoxWithAWayOutKeepsIt", s.wayOut},
		{"WantOfMemoryInAContainerIsTold", s.containerOutOfMemory},
		{"ADeadEngineIsInfrastructure", s.deadEngine},
		{"ATimeoutKillsTheEngineTooAndNothingOfItStays", s.engineTimeout},
	} {
		t.Run(test.name, test.run)
	}
}

// app is a script that makes an image of that name out of the program which putBusybox has put into the work
// folder.
const app = `printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "mkdir", "/tmp"]\nCMD ["/bin/busybox", "sh"]\n' >Dockerfile
DOCKER_BUILDKIT=0 docker build -q -t app . >/dev/null
`

// withDockerd starts a box that has an engine of its own, with a static busybox in the work folder.
func (s *suite) withDockerd(t *testing.T, spec backend.BoxSpec) backend.Box {
	t.Helper()
	spec.Dockerd = s.dockerd
	box := s.box(t, spec)
	program, err := busybox()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: "busybox", Mode: 0o755, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := box.Put(t.Context(), "/src", &buf); err != nil {
		t.Fatal(err)
	}
	return box
}

// atHome asks for what builds take for granted of an engine on their own machine. A box takes a second or two
// to start, so it is one for all of it.
func (s *suite) atHome(t *testing.T) {
	box := s.withDockerd(t, backend.BoxSpec{Network: "none", Home: "/home/builder"})
	out, exit := runnertest.Script(t, box, "docker version --format '{{.Server.Version}}'; echo ${DOCKER_HOST-unset}")
	if version, _, _ := strings.Cut(out, "+"); exit.Code != 0 || version != s.dockerd.Version || !strings.HasSuffix(out, "\nunset\n") {
		t.Errorf("got %+v, %q, want version %s", exit, out, s.dockerd.Version)
	}

	runnertest.Prints(t, box, app+`
echo work >w; echo tmp >/tmp/t; echo home >"$HOME/h"
docker run --rm -v "$(pwd):/x" -v /tmp:/y -v "$HOME:/z" app /bin/busybox cat /x/w /y/t /z/h
docker run --rm -v "$(pwd):/x" app /bin/busybox sh -c 'echo back >/x/back'
cat back
echo "$HOME"`, "work\ntmp\nhome\nback\n/home/builder\n")
	// Builds that use the engine from inside a container name the socket by its path in the box.
	runnertest.Prints(t, box, `docker run --rm -v /var/run/docker.sock:/s app /bin/busybox stat -c %F /s`, "socket\n")

	runnertest.Prints(t, box, `docker run -d --name web -p 127.0.0.1:8080:80 -v "$(pwd):/w" app /bin/busybox httpd -f -p 80 -h /w >/dev/null
until ./busybox wget -q -O - http://127.0.0.1:8080/w 2>/dev/null; do sleep 0.1; done
./busybox wget -q -O - "http://$(docker inspect -f '{{.NetworkSettings.IPAddress}}' web)/w"`, "work\nwork\n")
	// As another user than the engine's, which takes a capability that containers do not usually have.
	runnertest.Prints(t, box, `docker run -d --name other --user 1000 app /bin/busybox sleep 60 >/dev/null; docker exec other /bin/busybox id -u`, "1000\n")

	// Neither has a way out: the address is one of those kept for documents.
	for _, script := range []string{
		"./busybox nc -w 5 192.0.2.1 80 2>&1",
		"docker run --rm app /bin/busybox nc -w 5 192.0.2.1 80 2>&1",
	} {
		if out, exit := runnertest.Script(t, box, script); exit.Code == 0 || !strings.Contains(out, "unreachable") {
			t.Errorf("%s: got %+v, %q", script, exit, out)
		}
	}
}

// wayOut asks further that the engine's bridge has other addresses than the one that the box is on.
func (s *suite) wayOut(t *testing.T) {
	box := s.withDockerd(t, backend.BoxSpec{Network: "bridge"})
	runnertest.Prints(t, box, `echo "$HOME"; ./busybox ip route | ./busybox grep -c '^default via'; ./busybox ip route | ./busybox awk '{print $1}' | sort | uniq -d`, "/root\n1\n")
}

func (s *suite) containerOutOfMemory(t *testing.T) {
	box := s.withDockerd(t, backend.BoxSpec{Memory: 256 << 20})
	runnertest.Script(t, box, app)
	out, exit := runnertest.Script(t, box, "docker run --rm app /bin/busybox dd if=/dev/zero of=/dev/null bs=512M count=1")
	if exit.Code == 0 || !exit.OOM {
		t.Errorf("got %+v, %q", exit, out)
	}
	if _, exit := runnertest.Script(t, box, "exit 137"); exit.OOM || exit.Code != 137 {
		t.Errorf("the next script is blamed for it: %+v", exit)
	}
}

func (s *suite) deadEngine(t *testing.T) {
	if s.outside.KillDockerd == nil {
		t.Skip("no way to kill a box's engine from outside")
	}
	for _, script := range []string{
		"echo begun; while docker ps >/dev/null 2>&1; do :; done", // it takes that for success
		"echo begun; sleep 60", // it does not notice
	} {
		name := fmt.Sprintf("bisect-enginetest-%d", time.Now().UnixNano())
		box := s.withDockerd(t, backend.BoxSpec{Name: name})
		out := runnertest.NewBeginning()
		go func() {
			<-out.Begun
			s.outside.KillDockerd(t, name)
		}()
		start := time.Now()
		exit, err := box.Exec(t.Context(), script, out)
		if !errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "docker engine "+s.dockerd.Version) {
			t.Errorf("%s: got %+v, %v", script, exit, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %s", script, took)
		}
	}
}

func (s *suite) engineTimeout(t *testing.T) {
	if s.outside.Watch == nil {
		t.Skip("no way to look at the engine from outside")
	}
	name := fmt.Sprintf("bisect-enginetest-%d", time.Now().UnixNano())
	box := s.withDockerd(t, backend.BoxSpec{Name: name})
	runnertest.Script(t, box, app+"docker run -d app /bin/busybox sleep 60; docker volume create v")
	left := s.outside.Watch(t, name)
	if len(left()) < 7 {
		t.Fatalf("want two containers and the volumes of work folder, /tmp, HOME, socket and data to watch, got %q", left())
	}
	why := errors.New("the stage took too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	out := runnertest.NewBeginning()
	var ended time.Time
	go func() {
		<-out.Begun
		ended = time.Now()
		cancel(why)
	}()
	if _, err := box.Exec(ctx, "docker run --rm app /bin/busybox sh -c 'trap : TERM INT; echo begun; while :; do :; done'", out); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(ended); took > 3*time.Second {
		t.Errorf("returned after %s", took)
	}
	if s.outside.Running(t, name) {
		t.Error("something of the box still runs")
	}
	if err := box.Close(); err != nil {
		t.Error(err)
	}
	if rest := left(); len(rest) > 0 {
		t.Errorf("left: %q", rest)
	}
}
