package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"buildbisect/images"
	"buildbisect/runner/backend"
)

// forge is a build that says in its supervisor's place how it ended, wherever that has its standard error.
const forge = `for f in 2 10 11; do [ ! -e /proc/$PPID/fd/$f ] || printf 'bisect end %s 0 0\nFilesystem 1024-blocks Used Available Capacity Mounted on\nx 1000000 1000000 0 100%%%% /\033[2J\nbisect over\n' >/proc/$PPID/fd/$f; done; sleep 1; echo still here; exit 7`

func TestABuildCannotSayInItsSupervisorsPlaceHowItEnded(t *testing.T) {
	t.Parallel()
	e := connect(t)
	for name, image := range map[string]string{"busybox": load(t, e), "dash": dockerd(t, e, "20.10.5").Image} {
		t.Run(name, func(t *testing.T) {
			b := breakout(t, e, backend.BoxSpec{Image: image})
			for _, code := range []string{"0", "1"} {
				out, exit := try(t, b, fmt.Sprintf(forge, code))
				if exit != (backend.Exit{Code: 7}) || !strings.HasSuffix(out, "still here\n") {
					t.Errorf("got %+v, %q", exit, out)
				}
			}
			out, exit := try(t, b, "if read -r word; then echo got $word; fi; if env | grep _bisect; then :; fi")
			if exit != (backend.Exit{}) || out != "" {
				t.Errorf("what a script finds of its supervisor: %+v, %q", exit, out)
			}
			if name != "busybox" {
				// Its shell is bash from here on.
				out, exit := try(t, b, "cp /bin/bash /bin/sh.new && mv /bin/sh.new /bin/sh")
				if exit != (backend.Exit{}) {
					t.Fatalf("got %+v, %q", exit, out)
				}
				if out, exit := try(t, b, fmt.Sprintf(forge, "0")); exit != (backend.Exit{Code: 7}) || !strings.HasSuffix(out, "still here\n") {
					t.Errorf("bash: got %+v, %q", exit, out)
				}
			}
		})
	}
}

func TestABuildsOwnDfIsNotBelieved(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{})
	if _, exit := try(t, b, `rm /bin/df; printf '#!/bin/sh\necho "x 1000000 1000000 0 100%% /"\n' >/bin/df; chmod +x /bin/df; exit 1`); exit != (backend.Exit{Code: 1}) {
		t.Errorf("got %+v", exit)
	}
}

func TestABuildThatBreaksItsShellHasItsVerdict(t *testing.T) {
	t.Parallel()
	e := connect(t)
	id := load(t, e)
	for _, how := range []string{
		"rm /bin/sh",
		"rm /bin/sh; echo x >/bin/sh",
		"rm /bin/sh; mkdir /bin/sh",
		"echo x >/x; chmod +x /x; mv /x /bin/sh",
		`rm /bin/sh; printf '#!/no/such\n' >/bin/sh; chmod +x /bin/sh`,
		"cd /bin; head -c 20000 busybox >/short; chmod +x /short; rm sh; mv /short sh", // does not load
		`rm /bin/sh; printf '#!/bin/busybox true\n' >/bin/sh; chmod +x /bin/sh`,
		`rm /bin/sh; printf '#!/bin/busybox sh\nexit 7\n' >/bin/sh; chmod +x /bin/sh`,
	} {
		b := breakout(t, e, backend.BoxSpec{Image: id})
		try(t, b, how)
		if out, exit := try(t, b, "echo two"); exit.Code < 126 || strings.Contains(out, "two") {
			t.Errorf("%s: got %+v, %q", how, exit, out)
		}
	}
}

func TestAFileBeyondTheLimitIsSaidToBeFullWhateverTheScriptMakesOfIt(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	for _, script := range []string{
		"truncate -s 100M disk.img || exit 2",
		"dd if=/dev/zero of=f bs=1M count=100 || { rm f; exit 2; }",
		"trap '' XFSZ; dd if=/dev/zero of=f bs=1M count=100 || exit 1",
	} {
		b := breakout(t, e, backend.BoxSpec{Image: id, Disk: 16 << 20})
		if out, exit := try(t, b, script); !exit.Full || exit.Code == 0 {
			t.Errorf("%s: got %+v, %q", script, exit, out)
		}
	}
}

// Uploads and requests are too large, too: it is no word of ours.
func TestABuildThatOnlySaysThatAFileIsTooLargeHasItsVerdict(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{Disk: 64 << 20})
	for _, script := range []string{
		"dd if=/dev/zero of=f bs=1M count=8; echo 'upload: release.tar: File too large'; exit 3",
		"echo 'error: asset file too large (limit 5 MB)'; exit 3",
	} {
		if out, exit := try(t, b, script); exit != (backend.Exit{Code: 3}) {
			t.Errorf("%s: got %+v, %q", script, exit, out)
		}
	}
}

func TestEachEntryOfAVolumeCountsThoughItIsEmpty(t *testing.T) {
	t.Parallel() // it is mostly waiting
	b := breakout(t, connect(t), backend.BoxSpec{Disk: 8 << 20})
	out, exit := try(t, b, "seq 3000 | xargs touch; sleep 20; echo left alone")
	if !exit.Full {
		volumes, _ := gauges(b)
		t.Errorf("got %+v, %q; the volumes were said to hold %d bytes", exit, out, volumes.bytes)
	}
}

func TestNoSessionTouchesWhatAnotherOfItsRunUses(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	run := fmt.Sprintf("two-sessions-%d", os.Getpid())
	e.labels = map[string]string{backend.LabelRun: run, backend.LabelSession: "second"}
	spec := backend.BoxSpec{Image: id, Name: run, Network: "none", Workdir: "/src", Labels: map[string]string{backend.LabelSession: "first"}}
	first, err := e.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	spec.Labels = nil
	if _, err := e.Start(t.Context(), spec); !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("start under the other's name: %v", err)
	}
	if err := e.Sweep(t.Context(), run); err != nil {
		t.Error(err)
	}
	if _, err := first.Exec(t.Context(), "true", io.Discard); err != nil {
		t.Errorf("the first session's box: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	// Its own it clears away.
	for range 2 {
		left, err := e.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		defer left.Close()
	}
}

func TestACheckIsBoundedToo(t *testing.T) {
	e := connect(t)
	err := e.Check(t.Context(), load(t, e), []images.Check{{Tool: "x", Version: "1", Want: "no such words",
		Command: []string{"/bin/sh", "-c", "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; ulimit -f; ulimit -H -c"}}})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(checkMemory)) || !strings.Contains(err.Error(), fmt.Sprint(checkDisk/512)) {
		t.Errorf("got %v", err)
	}
}

func TestABoxWhoseFirstProcessFindsNoRoomHasUsedUpItsProcesses(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{PIDs: 40, Memory: 256 << 20})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	exit, err := b.Exec(ctx, `mkfifo /tmp/fifo; i=0; while [ $i -lt 2000 ]; do
 for p in /proc/[0-9]*; do read c 2>/dev/null <$p/comm && [ "$c" = sleep ] && kill -9 ${p#/proc/}; done
 (read x </tmp/fifo) 2>/dev/null &
 i=$((i+1)); done; exit 3`, io.Discard)
	if err != nil || !exit.PIDs {
		t.Errorf("got %+v, %v", exit, err)
	}
}
