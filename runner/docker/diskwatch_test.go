package docker

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// flood writes 20 files of 8 MB, then waits: bounded by itself, and over a limit of 64 MB on its way.
const flood = `i=0; while [ $i -lt 20 ]; do dd if=/dev/zero of=f$i bs=1M count=8 2>/dev/null; i=$((i+1)); done; echo written; sleep 60`

// gauges gives what was measured of a box so far.
func gauges(b *box) (volumes, layer gauge) {
	b.disk.looking <- struct{}{}
	defer func() { <-b.disk.looking }()
	return b.disk.volumes, b.disk.layer
}

func TestABoxThatWritesTooMuchIsEndedAndSaidToBeFull(t *testing.T) {
	t.Parallel() // it is mostly waiting
	e := connect(t)
	id := load(t, e)
	for _, place := range []string{"/src", "/elsewhere", "/volume"} {
		t.Run(place[1:], func(t *testing.T) {
			t.Parallel()
			b := breakout(t, e, backend.BoxSpec{Image: id, Disk: 64 << 20})
			left := watch(t, e, b.name)
			began := time.Now()
			out, exit := try(t, b, "mkdir -p "+place+"; cd "+place+"; "+flood)
			took := time.Since(began)
			if !exit.Full || exit.Code == 0 || exit.OOM || exit.PIDs || out != "written\n" {
				t.Errorf("got %+v, %q", exit, out)
			}
			if took > 4*firstLook {
				t.Errorf("it was ended after %s", took)
			}
			volumes, layer := gauges(b)
			t.Logf("ended after %s; a look at the volumes took %s, one at the layer %s", took.Round(time.Millisecond),
				volumes.cost.Round(time.Millisecond), layer.cost.Round(time.Millisecond))
			// It stays ended.
			if out, exit := try(t, b, "echo alive"); !exit.Full || out != "" {
				t.Errorf("the next script: got %+v, %q", exit, out)
			}
			scale, err := e.cli.ContainerInspect(t.Context(), b.name+meterSuffix, client.ContainerInspectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if labels := scale.Container.Config.Labels; labels[backend.LabelOwner] != "1" || labels[labelBox] == "" {
				t.Errorf("Sweep would not find its labels: %v", labels)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			if rest := left(); len(rest) > 0 {
				t.Errorf("left: %q", rest)
			}
			if _, err := e.cli.ContainerInspect(t.Context(), scale.Container.ID, client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
				t.Errorf("the container that looked is still there: %v", err)
			}
		})
	}
}

func TestABoxWithinItsLimitIsLeftAloneAndAShortOneNotLookedAt(t *testing.T) {
	t.Parallel() // it is mostly waiting
	e := connect(t)
	b := breakout(t, e, backend.BoxSpec{Disk: 64 << 20})
	began := time.Now()
	if out, exit := try(t, b, "dd if=/dev/zero of=f bs=1M count=8 2>/dev/null; exit 3"); exit != (backend.Exit{Code: 3}) {
		t.Errorf("got %+v, %q", exit, out)
	}
	if volumes, _ := gauges(b); time.Since(began) < firstLook && volumes.cost != 0 {
		t.Error("it was looked at all the same")
	}
	// A sparse file takes nothing; one that was moved or linked is no second one.
	out, exit := try(t, b, "truncate -s 60M sparse; ln f g; mv f h; sleep 8; exit 3")
	if exit != (backend.Exit{Code: 3}) {
		t.Errorf("got %+v, %q", exit, out)
	}
	if volumes, _ := gauges(b); volumes.bytes < 8<<20 || volumes.bytes > 9<<20 {
		t.Errorf("it was said to have written %d bytes", volumes.bytes)
	}
}

func TestOneFileOfMoreThanTheLimitIsSeenAtOnce(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{Disk: 16 << 20})
	began := time.Now()
	out, exit := try(t, b, "dd if=/dev/zero of=f bs=1M count=200")
	if !exit.Full {
		t.Errorf("got %+v, %q", exit, out)
	}
	if took := time.Since(began); took > firstLook {
		t.Errorf("took %s", took)
	}
	out, _ = try(t, b, "stat -c %s f; ulimit -f")
	if out != "16777216\n32768\n" {
		t.Errorf("got %q", out)
	}
}

func TestWhatABoxsOwnEngineWritesCounts(t *testing.T) {
	t.Parallel() // it is mostly waiting
	e := connect(t)
	spec := dockerd(t, e, "20.10.5")
	started, err := e.Start(t.Context(), backend.BoxSpec{Image: spec.Image, Network: "none", Workdir: "/src", Dockerd: &spec, Disk: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	left := watch(t, e, started.(*box).name)
	// It goes into a volume of which the box knows nothing.
	script := `tar -cf - /bin/sh | docker import - app >/dev/null
i=0; while [ $i -lt 12 ]; do head -c 8M /dev/zero >f$i; tar -cf - f$i | docker import - layer$i >/dev/null; rm f$i; i=$((i+1)); done; echo written; sleep 60`
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out strings.Builder
	exit, err := started.Exec(ctx, script, &out)
	if err != nil || !exit.Full || !strings.HasSuffix(out.String(), "written\n") {
		t.Errorf("got %+v, %v, %q", exit, err, out.String())
	}
	if err := started.Close(); err != nil {
		t.Error(err)
	}
	if rest := left(); len(rest) > 0 {
		t.Errorf("left: %q", rest)
	}
}

func TestAnEndThatComesDuringALookLeavesNothing(t *testing.T) {
	e := connect(t)
	b := breakout(t, e, backend.BoxSpec{Disk: 64 << 20})
	left := watch(t, e, b.name)
	b.disk.looking <- struct{}{}
	b.disk.volumes.at = b.disk.volumes.at.Add(-time.Hour)
	<-b.disk.looking
	time.AfterFunc(firstLook/5+50*time.Millisecond, func() { b.disk.end() }) // in the middle of the start of its scale, most likely
	ctx, cancel := context.WithTimeoutCause(t.Context(), firstLook/5+60*time.Millisecond, errors.New("timeout"))
	defer cancel()
	if _, err := b.Exec(ctx, "sleep 60", io.Discard); err == nil || err.Error() != "timeout" {
		t.Errorf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if rest := left(); len(rest) > 0 {
		t.Errorf("left: %q", rest)
	}
	if _, err := e.cli.ContainerInspect(t.Context(), b.name+meterSuffix, client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
		t.Errorf("the container that looks is still there: %v", err)
	}
}

func TestTheScaleReadsWhatDuAndWcSay(t *testing.T) {
	for _, printed := range []string{"12\t/src/.\n4\t/tmp/.\n--\n3\n", "12\t/a b/.\n4\t/tmp/.\n--\n        3\n"} {
		if used, err := readWeight(printed); used != 16<<10+3*entryCost || err != nil {
			t.Errorf("got %d, %v of %q", used, err, printed)
		}
	}
	for _, printed := range []string{"", "12\t/src/.\n", "--\n", "--\n3\n", "12\t/src/.\n--\n", "12\t/src/.\n--\n0\n", "du: what\n--\n3\n"} {
		if used, err := readWeight(printed); err == nil {
			t.Errorf("%q was read as %d", printed, used)
		}
	}
}

func TestAScaleWeighsNothingTwice(t *testing.T) {
	places := outermost([]string{"/src/deep", "/src", "/srcs", "/a 'b", "/src/deep/er"})
	if want := []string{"/a 'b", "/src", "/srcs"}; !slices.Equal(places, want) {
		t.Errorf("got %q, want %q", places, want)
	}
	if dirs := quoted(places); dirs != ` '/a '\''b/.' '/src/.' '/srcs/.'` {
		t.Errorf("got %q", dirs)
	}
}
