package docker

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// These tests try the cheap ways out of a box, and bound each by themselves, too: should one work, it does no
// harm here.

// breakout starts a box for t.
func breakout(t *testing.T, e *Engine, spec backend.BoxSpec) *box {
	t.Helper()
	if spec.Image == "" {
		spec.Image = load(t, e)
	}
	spec.Workdir = "/src"
	if spec.Network == "" {
		spec.Network = "none"
	}
	started, err := e.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Close(); err != nil {
			t.Error(err)
		}
	})
	return started.(*box)
}

// try runs a script for half a minute at most.
func try(t *testing.T, b *box, script string) (string, backend.Exit) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out strings.Builder
	exit, err := b.Exec(ctx, script, &out)
	if err != nil {
		t.Fatalf("%s: %v\noutput: %.2000q", script, err, out.String())
	}
	return out.String(), exit
}

func TestABoxHasTheFewCapabilitiesOfTheListAndNoMore(t *testing.T) {
	e := connect(t)
	bits := map[string]uint{"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SYS_CHROOT": 18}
	id := load(t, e)
	for _, further := range [][]string{nil, {"SYS_CHROOT", "KILL"}} {
		var mask uint64
		for _, name := range append(slices.Clone(scenarios.DefaultCapabilities()), further...) {
			mask |= 1 << bits[name]
		}
		b := breakout(t, e, backend.BoxSpec{Image: id, Capabilities: further})
		out, _ := try(t, b, "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")
		for _, want := range []string{fmt.Sprintf("CapPrm:\t%016x\n", mask), fmt.Sprintf("CapEff:\t%016x\n", mask), fmt.Sprintf("CapBnd:\t%016x\n", mask), "NoNewPrivs:\t1\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("with %q: want %q in\n%s", further, want, out)
			}
		}
		if e.info.has("seccomp") && !strings.Contains(out, "Seccomp:\t2\n") {
			t.Errorf("no filter of system calls:\n%s", out)
		}
	}
}

func TestTheWaysOutOfABoxAreShut(t *testing.T) {
	e := connect(t)
	b := breakout(t, e, backend.BoxSpec{})
	// Each must fail. None would do harm if it did not.
	for _, attempt := range []string{
		"mkdir /m; mount -t tmpfs none /m",
		"mount -o remount,rw /sys",
		"mount -o remount,bind,rw /proc/sys",
		"mknod /disk b 8 0",
		"mknod /memory c 1 1",
		"echo 1 >/proc/sys/vm/drop_caches",
		"echo h >/proc/sysrq-trigger",
		"echo core >/proc/sys/kernel/core_pattern",
		"mkdir /sys/fs/cgroup/memory/mine || test -e /sys/fs/cgroup/cgroup.procs && mkdir /sys/fs/cgroup/mine",
		"echo 0 >/sys/kernel/mm/ksm/run",
		"chroot / true",
		"unshare -m true",
		"unshare -r true",
		"hostname other",
	} {
		if attempt == "unshare -r true" && !e.info.has("seccomp") {
			continue // only that forbids it
		}
		if out, exit := try(t, b, "{ "+attempt+"; } 2>&1"); exit.Code == 0 {
			t.Errorf("%s: worked: %q", attempt, out)
		}
	}
	if out, _ := try(t, b, "ls /dev | grep -vE '^(core|fd|full|mqueue|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero|console)$' || :"); out != "" {
		t.Errorf("devices of the machine: %q", out)
	}
	if out, _ := try(t, b, "ls -d /var/run/docker.sock /run/docker.sock /run/bisect /run/containerd 2>/dev/null || :; grep -i docker /proc/net/unix || :"); out != "" {
		t.Errorf("a way to the engine: %q", out)
	}
	// Of file systems that are written to, only the box's own layer, its volumes and file systems in memory.
	out, _ := try(t, b, `awk '$4 ~ /^rw/ {print $2, $3}' /proc/mounts`)
	for line := range strings.Lines(out) {
		place, kind, _ := strings.Cut(strings.TrimSpace(line), " ")
		ours := slices.Contains([]string{"/", "/src", "/volume", "/proc", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}, place)
		if !ours && !slices.Contains([]string{"tmpfs", "devpts", "mqueue"}, kind) {
			t.Errorf("%s, a %s, can be written", place, kind)
		}
	}
}

func TestASetuidProgramGainsNothing(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{})
	out, exit := try(t, b, `mkdir /suid; cp /bin/busybox /suid/id; chmod 6755 /suid/id; stat -c %a /suid/id
echo 'builder:x:1000:1000::/:/bin/sh' >/etc/passwd
su builder -c '/suid/id -u; /suid/id -g; echo x >/bin/mine || echo refused'`)
	if exit.Code != 0 || !strings.HasPrefix(out, "6755\n1000\n1000\n") || !strings.HasSuffix(out, "refused\n") {
		t.Errorf("got %+v, %q", exit, out)
	}
}

func TestWithoutANetworkThereIsNoInterfaceButLoopbackAndNoRoute(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{})
	out, _ := try(t, b, "ls /sys/class/net; tail -n +2 /proc/net/route; cat /proc/net/ipv6_route 2>/dev/null | grep -v ' lo$' || :")
	if out != "lo\n" {
		t.Errorf("got %q", out)
	}
}

func TestAForkBombMeetsTheLimitOfProcessesAndIsSaidTo(t *testing.T) {
	e := connect(t)
	b := breakout(t, e, backend.BoxSpec{PIDs: 60, Memory: 256 << 20})
	if out, exit := try(t, b, "true & true | true; exit 3"); exit != (backend.Exit{Code: 3}) {
		t.Errorf("a script that minds its limits: got %+v, %q", exit, out)
	}
	// Two for each, but no more than eight generations of them.
	began := time.Now()
	out, exit := try(t, b, `bomb() { [ $1 = 0 ] || { bomb $(($1-1)) & bomb $(($1-1)) & }; sleep 5; }
bomb 8
exit 4`)
	t.Logf("the script ended after %s with %+v", time.Since(began).Round(time.Millisecond), exit)
	if !exit.PIDs || exit.OOM || exit.Full {
		t.Errorf("got %+v, %.200q", exit, out)
	}
	// The next script finds no room, or has it again; never is it an error of the engine.
	if out, exit := try(t, b, "echo begun"); !exit.PIDs && (exit != backend.Exit{} || out != "begun\n") {
		t.Errorf("the next script: got %+v, %q", exit, out)
	}
	began = time.Now()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the box took %s to go", took)
	}
}

func TestARefusedProcessIsToldOnlyOfTheScriptThatWanted(t *testing.T) {
	for words, want := range map[string]bool{
		"one begin 4 7\ntwo end 2 4 9\n": true,
		"one begin 4 7\ntwo end 2 4 7\n": false,
		"one begin - -\ntwo end 2 - -\n": false,
		"one begin 4 7\n":                false,
	} {
		c := &control{onOver: func() {}, begin: "one", end: "two"}
		c.Write([]byte(words))
		if got := c.refused(); got != want {
			t.Errorf("%q: got %t", words, got)
		}
	}
}

func TestMemoryInFilesCountsAsMemory(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{Memory: 32 << 20})
	out, exit := try(t, b, "dd if=/dev/zero of=/dev/shm/file bs=1M count=60")
	if exit.Code == 0 || !exit.OOM {
		t.Errorf("got %+v, %q", exit, out)
	}
}

func TestTheEnginesOwnLogOfABoxIsBounded(t *testing.T) {
	e := connect(t)
	b := breakout(t, e, backend.BoxSpec{})
	if out, exit := try(t, b, "i=0; while [ $i -lt 200000 ]; do echo 'a line of the build, written where the first process writes, over and over again'; i=$((i+1)); done >/proc/1/fd/1"); exit.Code != 0 {
		t.Fatalf("got %+v, %q", exit, out)
	}
	logs, err := e.cli.ContainerLogs(t.Context(), b.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	var kept bytes.Buffer
	if _, err := kept.ReadFrom(logs); err != nil {
		t.Fatal(err)
	}
	if kept.Len() > 2<<20 {
		t.Errorf("the engine keeps %d bytes", kept.Len())
	}
}

// TestWhatBuildsDoAsRootStillWorks takes Debian as it is: its tools ask for what they are used to have.
func TestWhatBuildsDoAsRootStillWorks(t *testing.T) {
	e := connect(t)
	b := breakout(t, e, backend.BoxSpec{Image: dockerd(t, e, "20.10.5").Image, Disk: 1 << 30, PIDs: 200})
	for _, script := range []string{
		"mkdir -p tree/d; echo x >tree/d/f; chown -R 1000:1000 tree; chmod 6755 tree/d/f; tar -cf t.tar tree; mkdir out; tar -xpf t.tar -C out; test \"$(stat -c '%u:%g %a' out/tree/d/f)\" = '1000:1000 6755'",
		"chmod 700 tree; echo y >tree/d/f; touch -d 2001-01-01 tree/d/f; rm -r out", // of another user
		"install -o 1000 -g 1000 -m 644 t.tar copy; ln copy hard; test \"$(stat -c %u hard)\" = 1000",
		"useradd -m builder; su builder -c 'id -un >/tmp/name; touch ~/mine'; test \"$(cat /tmp/name)\" = builder; echo builder:secret | chpasswd; usermod -aG users builder; userdel -r builder",
		"setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'test $(id -u) = 1000'",
		"setpriv --reuid 1000 --clear-groups sleep 100 & sleep 0.3; kill $!", // of another user
		"mkdir -p p/DEBIAN p/usr/share/p; printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' >p/DEBIAN/control; echo z >p/usr/share/p/z; printf '#!/bin/sh\\nchown nobody /usr/share/p/z\\n' >p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst; dpkg-deb -b p p.deb; dpkg -i p.deb; test \"$(stat -c %U /usr/share/p/z)\" = nobody; dpkg -P p",
		"apt-get --version; mkdir -p /etc/apt/sources.list.d; apt-get update; apt-get -y --no-install-recommends install ./p.deb; test -e /usr/share/p/z",
		"mkfifo pipe; (echo through >pipe) & test \"$(cat pipe)\" = through",
		"test \"$(ulimit -n)\" -ge 1024; test \"$(ulimit -n)\" -le 65536",
		"echo '#!/bin/sh' >run; chmod +x run; ./run",
		"python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 80))' || test ! -e /usr/bin/python3", // an ordinary port, in a network of one's own
	} {
		if out, exit := try(t, b, script); exit != (backend.Exit{}) {
			t.Errorf("%s\n\tgot %+v, %s", script, exit, out)
		}
	}
}
