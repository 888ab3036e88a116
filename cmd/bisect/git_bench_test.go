package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"buildbisect/cmd/bisect/screen"
)

// BenchmarkGitInBuilds says by how much trials take longer with `git: true` than without: the first of a run,
// for which the history is packed and sent, and each further one. The repository is about as large as
// docker/cli: 5,000 files of 40 MB, 12,000 commits. Trials with and without come in turns. The yardsticks are
// 3 s for the first, and 0.2 s for a further one.
func BenchmarkGitInBuilds(b *testing.B) {
	dir, base := largeRepository(b), serveBase(b)
	for _, where := range []string{"docker", "local"} {
		b.Run(where, func(b *testing.B) {
			for b.Loop() {
				without, with := benchSession(b, dir, base, where, false), benchSession(b, dir, base, where, true)
				try := func(s *job, id int) time.Duration {
					begin := time.Now()
					if trial, err := s.lab.Try(b.Context(), id, s.space.Bad(), io.Discard); err != nil || trial.Exit != 0 {
						b.Fatalf("%v, %+v", err, trial)
					}
					return time.Since(begin)
				}
				const rounds = 3
				try(without, 99) // loads the image, warms the objects
				first := try(without, 1)
				firstGit := try(with, 1)
				var further, furtherGit time.Duration
				for id := 2; id < 2+rounds; id++ {
					further += try(without, id)
					furtherGit += try(with, id)
				}
				for _, s := range []*job{without, with} {
					if err := s.close(); err != nil {
						b.Error(err)
					}
				}
				b.ReportMetric((firstGit - first).Seconds(), "first-more-s")
				b.ReportMetric((furtherGit-further).Seconds()/rounds, "further-more-s")
				b.ReportMetric(float64(furtherGit)/float64(further), "further-ratio")
			}
		})
	}
}

func benchSession(b *testing.B, dir, base, where string, git bool) *job {
	file := filepath.Join(b.TempDir(), "bisect.yaml")
	text := fmt.Sprintf("version: 1\nname: bench\nsource: {repo: %q, good: main~9, bad: main, git: %v}\nbuilder: {base: {image: %q}}\nstages: [{name: build, run: 'true'}]\n", dir, git, base)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	s, err := open(b.Context(), file, false, screen.NewProgress(io.Discard))
	if err == nil {
		err = s.connect(b.Context(), parts{runner: where})
	}
	if err == nil {
		_, err = s.shareBackend(1, false)
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// largeRepository makes the repository with git fast-import. Each commit changes two files a little, some are
// merges.
func largeRepository(b *testing.B) string {
	const files, commits = 5000, 12000
	dir := b.TempDir()
	if out, err := exec.Command("git", "init", "-q", "--bare", "-b", "main", dir).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	r := rand.New(rand.NewPCG(1, 2))
	contents := make([][]byte, files)
	for i := range contents {
		var text bytes.Buffer
		for size := 1000 + r.IntN(14000); text.Len() < size; {
			fmt.Fprintf(&text, "%x %s\n", r.Uint64(), strings.Repeat("word ", r.IntN(12)))
		}
		contents[i] = text.Bytes()
	}
	importer := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	in, err := importer.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := importer.Start(); err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(in)
	put := func(i int) {
		fmt.Fprintf(w, "M 644 inline d%d/s%d/f%d\ndata %d\n%s\n", i%20, i/20%10, i, len(contents[i]), contents[i])
	}
	for c := range commits {
		fmt.Fprintf(w, "commit refs/heads/main\nmark :%d\ncommitter C <c@example.org> %d +0000\ndata <<.\n%[1]d\n.\n", c+1, 1400000000+c*3600)
		if c > 10 && c%5 == 0 {
			fmt.Fprintf(w, "merge :%d\n", c-2)
		}
		if c == 0 {
			for i := range files {
				put(i)
			}
			continue
		}
		for range 2 {
			i := r.IntN(files)
			at := r.IntN(len(contents[i]) - 17)
			copy(contents[i][at:], fmt.Sprintf("%016x", r.Uint64()))
			put(i)
		}
		if c%100 == 0 {
			fmt.Fprintf(w, "tag v%d\nfrom :%d\ntagger T <t@example.org> %d +0000\ndata 1\nv\n", c, c+1, 1400000000+c*3600)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	in.Close()
	if err := importer.Wait(); err != nil {
		b.Fatal(err)
	}
	return dir
}
