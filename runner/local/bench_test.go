package local

import (
	"testing"

	"buildbisect/runner/runnertest"
)

func BenchmarkFirstLine(b *testing.B) {
	e := open(b, noTools{})
	runnertest.FirstLine(b, runnertest.Bench{Engine: e, Image: image(b, e)})
}
