package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"buildbisect/bisect/report"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/docker"
	"buildbisect/scenarios"
)

// BenchmarkWorlds prints a line for each shipped scenario: what a run takes when all its parts are in the
// cache, and what those take on disk. With BISECT_BENCH=cold also what it takes from an empty cache, some
// minutes each; of what lies elsewhere, Go's module cache and the builder images in the engine stay.
func BenchmarkWorlds(b *testing.B) {
	cold := os.Getenv("BISECT_BENCH") == "cold"
	for b.Loop() {
		const row = "bench worlds/%-18s %8s %9s %8s %8s %7s %8s\n"
		fmt.Printf("\n"+row, "", "cold", "its cache", "warm", "parts", "trials", "stages")
		for _, name := range scenarios.Names() {
			coldTime, coldDisk := "-", "-"
			if cold {
				took, disk := runCold(b, name)
				coldTime, coldDisk = fmt.Sprintf("%.0f s", took.Seconds()), fmt.Sprintf("%d MB", disk/1e6)
			}
			runWorld(b, name) // warms the caches
			took, rep := runWorld(b, name)
			var stages float64
			for _, t := range rep.Trials {
				stages += t.Seconds
			}
			fmt.Printf(row, name, coldTime, coldDisk, fmt.Sprintf("%.1f s", took.Seconds()), fmt.Sprintf("%d MB", partsOf(b, name)/1e6), strconv.Itoa(len(rep.Trials)), fmt.Sprintf("%.1f s", stages))
		}
	}
}

// runCold runs a scenario with a cache of its own, and returns what the cache holds after it, in bytes.
func runCold(b *testing.B, name string) (took time.Duration, disk int64) {
	had, set := os.LookupEnv("XDG_CACHE_HOME")
	dir := b.TempDir()
	b.Setenv("XDG_CACHE_HOME", dir)
	took, _ = runWorld(b, name)
	if set {
		b.Setenv("XDG_CACHE_HOME", had)
	} else if err := os.Unsetenv("XDG_CACHE_HOME"); err != nil {
		b.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(dir, "bisect"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			disk += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return took, disk
}

// runWorld runs a shipped scenario to its end.
func runWorld(b *testing.B, name string) (time.Duration, *report.Report) {
	var out, progress bytes.Buffer
	c := command{stdout: &out, stderr: &progress}
	begin := time.Now()
	code := c.run(b.Context(), []string{"bisect", "run", "--json", "--state", b.TempDir(), name})
	took := time.Since(begin)
	if code != exitOK && code != exitInconclusive {
		b.Fatalf("%s: exit status %d:\n%s", name, code, progress.String())
	}
	var rep report.Report
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		b.Fatal(err)
	}
	return took, &rep
}

// partsOf is the size of all bases, tools and engines of a scenario in the cache, in bytes.
func partsOf(b *testing.B, name string) int64 {
	var out, progress bytes.Buffer
	c := command{stdout: &out, stderr: &progress}
	if code := c.run(b.Context(), []string{"bisect", "images", "build", "--offline", "--json", name}); code != exitOK {
		b.Fatalf("%s: exit status %d:\n%s", name, code, progress.String())
	}
	var built buildReport
	if err := json.Unmarshal(out.Bytes(), &built); err != nil {
		b.Fatal(err)
	}
	return built.Size
}

// BenchmarkMatrixInTheEngine loads the 16 combinations of two versions of four shipped tools, and compares
// what the engine stores of them, as it says itself, with the disk of their parts.
func BenchmarkMatrixInTheEngine(b *testing.B) {
	engine, err := docker.Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer engine.Close()
	cli, err := client.New(client.FromEnv, client.WithHost(engine.Info().Host))
	if err != nil {
		b.Fatal(err)
	}
	defer cli.Close()
	tools := [][2]catalogue.Pick{}
	var pool []catalogue.Pick
	for _, t := range [][3]string{{"docker", "19.03.13", "20.10.2"}, {"buildx", "v0.4.2", "v0.5.1"}, {"make", "4.3", "4.4.1"}, {"bash", "5.1.4", "5.2.15"}} {
		two := [2]catalogue.Pick{{Tool: t[0], Version: t[1]}, {Tool: t[0], Version: t[2]}}
		tools, pool = append(tools, two), append(pool, two[:]...)
	}
	base := catalogue.Base{Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "bookworm"}, Packages: []string{"make"}}}
	builder := &images.Builder{}
	for b.Loop() {
		var matrix []*images.Image
		for i := range 16 {
			spec := catalogue.Spec{Base: base, Pool: pool}
			for j, two := range tools {
				spec.Picks = append(spec.Picks, two[i>>j&1])
			}
			image, err := builder.Image(b.Context(), spec)
			if err != nil {
				b.Fatal(err)
			}
			matrix = append(matrix, image)
		}
		stored, parts := map[string]int64{}, map[string]int64{}
		begin := time.Now()
		for _, image := range matrix {
			id, err := engine.Load(b.Context(), image)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				// Not one that a run of somebody else is using, which the engine refuses to remove without
				// force.
				_, _ = cli.ImageRemove(context.Background(), id, client.ImageRemoveOptions{})
			})
			history, err := cli.ImageHistory(b.Context(), id)
			if err != nil {
				b.Fatal(err)
			}
			layers, err := image.Layers()
			if err != nil || len(layers) != len(history.Items) {
				b.Fatalf("%d layers, %d in the engine; %v", len(layers), len(history.Items), err)
			}
			chain := ""
			for k, l := range layers {
				diff, err := l.DiffID()
				if err != nil {
					b.Fatal(err)
				}
				size := history.Items[len(layers)-1-k].Size // the last layer first
				chain += diff.Hex
				stored[chain] = size
				if k < len(layers)-1 {
					parts[diff.Hex] = size
				}
			}
		}
		all, of := sum(stored), sum(parts)
		fmt.Printf("\nbench matrix/16-combinations %d MB at-most 1.3 x %d MB of their parts: %.4f; loaded in %.1fs\n", all/1e6, of/1e6, float64(all)/float64(of), time.Since(begin).Seconds())
		b.ReportMetric(float64(all)/float64(of), "stored/parts")
	}
}

func sum(sizes map[string]int64) (total int64) {
	for _, size := range sizes {
		total += size
	}
	return total
}
