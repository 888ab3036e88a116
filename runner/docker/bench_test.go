package docker

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// tree is a source tree of 40 MB in 1,000 files, as a tar.
func tree(b *testing.B) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	text := bytes.Repeat([]byte("0123456789abcdef"), 40<<20/1000/16)
	for i := range 1000 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("file%d", i), Mode: 0o644, Size: int64(len(text))}); err != nil {
			b.Fatal(err)
		}
		w.Write(text)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// BenchmarkTrialOverhead measures a trial without its stages, and the bare engine API doing the same, in
// turns so that both see the same machine. Times are milliseconds a trial; ratio is ours over the bare one's.
func BenchmarkTrialOverhead(b *testing.B) {
	e := connect(b)
	id := load(b, e)
	source := tree(b)
	var start, put, exec, end, bare time.Duration
	for turn := 0; b.Loop(); turn++ {
		ours := func() {
			t := time.Now()
			lap := func(sum *time.Duration) { *sum += time.Since(t); t = time.Now() }
			box, err := e.Start(b.Context(), backend.BoxSpec{Image: id, Network: "none", Workdir: "/src"})
			if err != nil {
				b.Fatal(err)
			}
			lap(&start)
			if err := box.Put(b.Context(), "/src", bytes.NewReader(source)); err != nil {
				b.Fatal(err)
			}
			lap(&put)
			if exit, err := box.Exec(b.Context(), "true", io.Discard); err != nil || exit.Code != 0 {
				b.Fatal(exit, err)
			}
			lap(&exec)
			if err := box.Close(); err != nil {
				b.Fatal(err)
			}
			lap(&end)
		}
		theirs := func() {
			t := time.Now()
			bareTrial(b, e.cli, id, source)
			bare += time.Since(t)
		}
		if turn%2 == 0 {
			ours()
			theirs()
		} else {
			theirs()
			ours()
		}
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
	ours := start + put + exec + end
	b.ReportMetric(ms(start), "start-ms")
	b.ReportMetric(ms(put), "put-ms")
	b.ReportMetric(ms(exec), "exec-ms")
	b.ReportMetric(ms(end), "close-ms")
	b.ReportMetric(ms(ours), "ours-ms")
	b.ReportMetric(ms(bare), "bare-ms")
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
}

// bareTrial is create, start, copy, exec and remove, with nothing between.
func bareTrial(b *testing.B, cli *client.Client, id string, source []byte) {
	ctx := b.Context()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	made, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config:     &container.Config{Image: id, Entrypoint: []string{"/bin/sleep", "3600"}, WorkingDir: "/src"},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	check(err)
	_, err = cli.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	check(err)
	_, err = cli.CopyToContainer(ctx, made.ID, client.CopyToContainerOptions{DestinationPath: "/src", Content: bytes.NewReader(source)})
	check(err)
	run, err := cli.ExecCreate(ctx, made.ID, client.ExecCreateOptions{Cmd: []string{"/bin/true"}, AttachStdout: true, AttachStderr: true})
	check(err)
	attached, err := cli.ExecAttach(ctx, run.ID, client.ExecAttachOptions{})
	check(err)
	_, err = io.Copy(io.Discard, attached.Reader)
	check(err)
	attached.Close()
	_, err = cli.ExecInspect(ctx, run.ID, client.ExecInspectOptions{})
	check(err)
	_, err = cli.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	check(err)
}

// BenchmarkDiskWatch measures a look at what a box has written, in milliseconds: at its volumes the first
// time, with the start of what weighs them, and then again; at its layer; and what Close takes with and
// without. The box is of the test image, its work folder has 20,000 files.
func BenchmarkDiskWatch(b *testing.B) {
	e := connect(b)
	id := load(b, e)
	var first, again, layer, end, bare time.Duration
	for b.Loop() {
		timed := func(sum *time.Duration, do func() error) {
			began := time.Now()
			if err := do(); err != nil {
				b.Fatal(err)
			}
			*sum += time.Since(began)
		}
		for _, disk := range []int64{0, 100 << 30} {
			started, err := e.Start(b.Context(), backend.BoxSpec{Image: id, Network: "none", Workdir: "/src", Disk: disk})
			if err != nil {
				b.Fatal(err)
			}
			const script = "for d in $(seq 200); do mkdir $d; cd $d; for f in $(seq 100); do echo $f >$f; done; cd ..; done; cp -r 1 /tmp"
			if exit, err := started.Exec(b.Context(), script, io.Discard); err != nil || exit.Code != 0 {
				b.Fatal(exit, err)
			}
			if disk == 0 {
				timed(&bare, started.Close)
				continue
			}
			box := started.(*box)
			box.disk.looking <- struct{}{} // the looks are ours
			weigh := func() error {
				_, err := box.disk.meter.weigh(b.Context())
				return err
			}
			timed(&first, weigh)
			timed(&again, weigh)
			timed(&layer, func() error {
				_, err := box.layerSize(b.Context())
				return err
			})
			<-box.disk.looking
			timed(&end, started.Close)
		}
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(ms(first), "first-ms")
	b.ReportMetric(ms(again), "again-ms")
	b.ReportMetric(ms(layer), "layer-ms")
	b.ReportMetric(ms(end), "close-ms")
	b.ReportMetric(ms(bare), "close-unwatched-ms")
}
