package git

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/git/gittest"
)

// thousands imports n commits, every fourth a merge of a branch of its own.
func thousands(b *testing.B, n int) *Repository {
	var text strings.Builder
	commitText(&text, 0, nil, 0)
	for i := 1; i < n; i++ {
		parents := []int{i - 1}
		if i%4 == 0 {
			parents = []int{i - 2, i - 1}
		} else if i%4 == 3 {
			parents = []int{i - 2}
		}
		commitText(&text, i, parents, i)
	}
	return importText(b, b.TempDir(), text.String())
}

func BenchmarkHistoryOf5000Commits(b *testing.B) {
	r := thousands(b, 5001)
	good, bad := resolve(b, r, "b0"), resolve(b, r, "b5000")
	for b.Loop() {
		h, err := r.History(b.Context(), good, bad, HistoryOptions{})
		if err != nil || len(h.Commits) != 5000 {
			b.Fatal(err)
		}
	}
}

// folders imports n commits in line and in merges, each of which changes one of some thousand files in
// folders.
func folders(b *testing.B, n int) *Repository {
	dir := b.TempDir()
	gittest.Run(b, dir, "init", "-q", "--bare")
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "commit refs/heads/b%d\nmark :%d\ncommitter C <c@example.com> %d +0000\ndata 0\n", i/(n-1), i+1, 1000000000+60*i)
		switch {
		case i == 0:
		case i%4 == 3:
			fmt.Fprintf(&text, "from :%d\n", i-1)
		case i%4 == 0:
			fmt.Fprintf(&text, "from :%d\nmerge :%d\n", i-1, i)
		default:
			fmt.Fprintf(&text, "from :%d\n", i)
		}
		fmt.Fprintf(&text, "M 100644 inline d%d/s%d/f%d\ndata 8\n%8d\n", i*31%23, i*7%19, i%7, i)
		if i == 0 {
			text.WriteString("reset refs/tags/root\nfrom :1\n")
		}
	}
	if out, err := gittest.Try(b, dir, text.String(), "fast-import", "--quiet"); err != nil {
		b.Fatal(out)
	}
	return open(b, dir)
}

// BenchmarkPathsOf20000Commits gives the time as a multiple of git's for the same question.
func BenchmarkPathsOf20000Commits(b *testing.B) {
	at := folders(b, 20000)
	for _, paths := range [][]string{{"d3/"}, {"*/f3"}} {
		b.Run(paths[0], func(b *testing.B) {
			begin := time.Now()
			want := len(strings.Fields(gittest.Run(b, at.GitDir, "rev-list", "root..b1", "--", paths[0])))
			ofGit := time.Since(begin)
			for b.Loop() {
				r := open(b, at.GitDir) // nothing remembered
				h, err := r.History(b.Context(), resolve(b, r, "root"), resolve(b, r, "b1"), HistoryOptions{Paths: paths})
				if err != nil || len(h.Commits) != want {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(ofGit), "x-git")
		})
	}
}

func BenchmarkChangesOf5000Commits(b *testing.B) {
	at := folders(b, 5001)
	for b.Loop() {
		r := open(b, at.GitDir)
		for id, err := range r.FirstParents(b.Context(), resolve(b, r, "b1")) {
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.Changes(b.Context(), Commit{ID: id}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
