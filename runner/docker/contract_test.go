package docker

import (
	"context"
	"testing"

	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
	"buildbisect/runner/runnertest"
)

func TestDockerKeepsTheRunnersContract(t *testing.T) {
	runnertest.Suite(t, func(t *testing.T) runnertest.Bench {
		e := connect(t)
		base := busybox(t, e)
		noShell := extend(t, base, "bin/.wh.sh", "")
		t.Cleanup(func() {
			_, _ = e.cli.ImageRemove(context.Background(), noShell.Name, client.ImageRemoveOptions{PruneChildren: true})
		})
		o := outside(e)
		return runnertest.Bench{
			Engine: e, Image: base, Env: []string{"FROM_IMAGE", "HOME", "HOSTNAME", "PATH"}, NoShell: noShell,
			Break: o.Kill, Watch: o.Watch, Running: o.Running, Sweep: func(t *testing.T, run string) {
				if err := e.Sweep(context.Background(), run); err != nil {
					t.Error(err)
				}
				if left, err := e.list(context.Background(), "what is left", make(client.Filters).Add("label", backend.LabelRun+"="+run), nil); err != nil || len(left) > 0 {
					t.Errorf("left: %v, %v", left, err)
				}
			},
		}
	})
}

func BenchmarkFirstLine(b *testing.B) {
	e := connect(b)
	runnertest.FirstLine(b, runnertest.Bench{Engine: e, Image: busybox(b, e)})
}
