package git

import (
	"fmt"
	"strings"
	"testing"
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
		h, err := r.History(b.Context(), good, bad)
		if err != nil || len(h.Commits) != 5000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkTar(b *testing.B) {
	r := thousands(b, 5001)
	bad := resolve(b, r, "b5000")
	for _, git := range []bool{false, true} {
		s := r.Source(SourceOptions{Git: git})
		b.Run(fmt.Sprint("git=", git), func(b *testing.B) {
			for b.Loop() {
				if err := s.WriteTar(b.Context(), bad.ID, discard{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
