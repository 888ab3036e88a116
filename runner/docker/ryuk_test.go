package docker

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/moby/moby/client"

	"buildbisect/images"
	"buildbisect/runner/backend"
	"buildbisect/runner/enginetest"
)

const testSession = "org.buildbisect.session"

// ryukStandIn loads an image of the stand-in under a name of the test's own: under Ryuk's, other tests would
// use it.
func ryukStandIn(t *testing.T, e *Engine) string {
	t.Helper()
	if !strings.HasPrefix(e.Info().Host, "unix://") {
		t.Skip("needs an engine on this machine")
	}
	program := filepath.Join(t.TempDir(), "ryuk")
	build := exec.Command("go", "build", "-o", program, "./testdata/ryuk")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	image := extend(t, enginetest.Busybox(t), "bin/ryuk", string(text))
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Config.Entrypoint, file.Config.Cmd, file.Config.User = []string{"/bin/ryuk"}, nil, "0"
	configured, err := mutate.ConfigFile(image.Image, file)
	if err != nil {
		t.Fatal(err)
	}
	image = &images.Image{Image: configured, Name: "bisect/enginetest:ryuk-" + strings.ToLower(t.Name())}
	loaded(t, e, image)
	return image.Name
}

func gone(t *testing.T, e *Engine, id string) bool {
	_, err := e.cli.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	return errdefs.IsNotFound(err)
}

// ofRun lists the containers that carry a run's label.
func ofRun(t *testing.T, e *Engine, run string) (ids []string) {
	t.Helper()
	list, err := e.cli.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", backend.LabelRun+"="+run)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Items {
		ids = append(ids, c.ID)
	}
	return ids
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

func TestRyukRemovesWhatAKilledProcessLeft(t *testing.T) {
	e := connect(t)
	image, id := ryukStandIn(t, e), load(t, e)
	var boxes []*box
	for _, session := range []string{"ryuk-killed", "ryuk-alive"} {
		b, err := e.Start(t.Context(), backend.BoxSpec{Image: id, Network: "none", Labels: map[string]string{backend.LabelRun: "ryuk-boxes", testSession: session}})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		boxes = append(boxes, b.(*box))
	}
	defer func() {
		if err := e.Sweep(context.Background(), "ryuk-itself"); err != nil {
			t.Error(err)
		}
	}()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldingRyuk$")
	cmd.Env = append(os.Environ(), "BISECT_TEST_RYUK="+image)
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	held := false
	for lines := bufio.NewScanner(said); !held && lines.Scan(); {
		held = lines.Text() == "held"
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if !held {
		t.Fatal("the process that was to be killed has never been guarded")
	}
	eventually(t, "its container is still there", func() bool { return gone(t, e, boxes[0].id) })
	eventually(t, "Ryuk itself is still there", func() bool { return len(ofRun(t, e, "ryuk-itself")) == 0 })
	if gone(t, e, boxes[1].id) {
		t.Error("that of another session went too")
	}
}

// TestHoldingRyuk is what TestRyukRemovesWhatAKilledProcessLeft starts and kills.
func TestHoldingRyuk(t *testing.T) {
	image := os.Getenv("BISECT_TEST_RYUK")
	if image == "" {
		t.Skip("is started by another test")
	}
	e := connect(t)
	labels := map[string]string{backend.LabelRun: "ryuk-itself", testSession: "ryuk-killed"}
	_, address, err := e.startRyuk(t.Context(), image, labels, testSession)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dialRyuk(t.Context(), address, "label="+testSession+"=ryuk-killed"); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("held\n")
	time.Sleep(time.Minute) // until it is killed
}

func TestAGuardThatIsReleasedTakesNothingWithIt(t *testing.T) {
	e := connect(t)
	image, id := ryukStandIn(t, e), load(t, e)
	labels := map[string]string{backend.LabelRun: "ryuk-released", testSession: "ryuk-released"}
	b, err := e.Start(t.Context(), backend.BoxSpec{Image: id, Network: "none", Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	release := e.guard(image, labels, testSession)
	eventually(t, "Ryuk was not started", func() bool { return len(ofRun(t, e, "ryuk-released")) == 2 })
	release()
	if left := ofRun(t, e, "ryuk-released"); len(left) != 1 || left[0] != b.(*box).id {
		t.Errorf("left: %q", left)
	}

	e.guard("bisect/enginetest:there-is-no-such-image", labels, testSession)()
	if left := ofRun(t, e, "ryuk-released"); len(left) != 1 {
		t.Errorf("without its image something was started: %q", left)
	}
}
