package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"buildbisect/bisect/report"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/scenarios"
)

// BenchmarkShippedScenarios runs the shipped scenarios with the real engine and warm caches, and prints what
// they cost beside what they may. Wall time is that of the trials, from the first question to the answer.
func BenchmarkShippedScenarios(b *testing.B) {
	for _, name := range []string{"k8s-98646", "k8s-98646-canary"} {
		b.Run(name, func(b *testing.B) {
			runShipped(b, name) // warms the caches
			for b.Loop() {
				rep := runShipped(b, name)
				var stages, wall float64
				for _, t := range rep.Trials {
					stages += t.Seconds
					wall += t.Wall
				}
				allowed := 1.5*stages + 0.5*float64(len(rep.Trials))
				fmt.Printf("\nbench %s/probes %d at-most 40\n", name, rep.Probes)
				fmt.Printf("bench %s/wall %.1fs at-most %.1fs (1.5 x %.1fs of stages + 0.5s x %d trials)\n", name, wall, allowed, stages, len(rep.Trials))
				b.ReportMetric(wall/allowed, "wall/allowed")
				b.ReportMetric((wall-stages)/float64(len(rep.Trials))*1000, "overhead-ms/trial")
				b.ReportMetric(float64(rep.Probes), "probes")
			}
		})
	}
}

func runShipped(b *testing.B, name string) *report.Report {
	var out, progress bytes.Buffer
	c := command{stdout: &out, stderr: &progress}
	if code := c.run(b.Context(), []string{"bisect", "run", "--json", "--state", b.TempDir(), name}); code != exitOK {
		b.Fatalf("exit status %d:\n%s", code, progress.String())
	}
	var rep report.Report
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		b.Fatal(err)
	}
	if !rep.Complete || len(rep.Causes) != 2 {
		b.Fatalf("%s: complete %v, %d causes", name, rep.Complete, len(rep.Causes))
	}
	return &rep
}

// BenchmarkBuilderImagesFromEmptyCaches makes every builder image of k8s-98646 twice, from two empty caches,
// compares their ids and prints what each part took. Go's own caches stay as they are.
func BenchmarkBuilderImagesFromEmptyCaches(b *testing.B) {
	for b.Loop() {
		first, second := imageIDs(b, true), imageIDs(b, false)
		same := 0
		for name, id := range first {
			if second[name] == id {
				same++
			}
		}
		fmt.Printf("bench images/same-ids %d of %d\n", same, len(first))
		if same != len(first) || len(second) != len(first) {
			b.Errorf("ids differ: %v and %v", first, second)
		}
	}
}

func imageIDs(b *testing.B, show bool) map[string]v1.Hash {
	s, err := scenarios.Open("k8s-98646")
	if err != nil {
		b.Fatal(err)
	}
	cache := filepath.Join(b.TempDir(), "cache")
	builder := &images.Builder{Cache: cache, Catalogue: s.Builder.Catalogue}
	took := func(what string, spec catalogue.Spec) *images.Image {
		begin := time.Now()
		image, err := builder.Image(b.Context(), spec)
		if err != nil {
			b.Fatal(err)
		}
		if show {
			fmt.Printf("bench images/%s %.1fs\n", what, time.Since(begin).Seconds())
		}
		return image
	}
	took("base", catalogue.Spec{Base: s.Builder.Base})
	for _, axis := range s.Axes[:2] {
		for _, l := range axis.Levels {
			took(axis.Name+"-"+l.Text, catalogue.Spec{Base: s.Builder.Base, Picks: []catalogue.Pick{{Tool: axis.Name, Version: l.Text}}})
		}
	}
	ids := map[string]v1.Hash{}
	for _, docker := range s.Axes[0].Levels {
		for _, buildx := range s.Axes[1].Levels {
			spec := catalogue.Spec{Base: s.Builder.Base, Picks: []catalogue.Pick{{Tool: "docker", Version: docker.Text}, {Tool: "buildx", Version: buildx.Text}}}
			image := took("composed-"+docker.Text+"-"+buildx.Text, spec)
			id, err := image.ConfigName()
			if err != nil {
				b.Fatal(err)
			}
			ids[image.Name] = id
		}
	}
	if err := os.RemoveAll(cache); err != nil {
		b.Error(err)
	}
	return ids
}
