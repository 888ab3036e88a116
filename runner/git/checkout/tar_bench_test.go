package checkout

import (
	"fmt"
	"io"
	"testing"

	"buildbisect/runner/git/gittest"
)

func BenchmarkTar(b *testing.B) {
	r := opened(b, gittest.Line(b, 300))
	bad := resolved(b, r, "HEAD")
	for _, git := range []bool{false, true} {
		s := NewSource(r, SourceOptions{Git: git})
		b.Run(fmt.Sprint("git=", git), func(b *testing.B) {
			for b.Loop() {
				if err := s.WriteTar(b.Context(), bad.ID, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
