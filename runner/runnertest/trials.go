package runnertest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"buildbisect/bisect"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
	"buildbisect/runner/lab"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// lab makes a lab of two commits over the bench, with one stage for each script. Trials are of the second
// commit.
func (s *suite) lab(t testing.TB, scripts ...string) (*lab.Lab, bisect.Point) {
	t.Helper()
	h := &space.History{Path: "/repo", Parents: [][]int{nil, {0}}, Sides: []bisect.Side{bisect.After, bisect.After}}
	for _, id := range []string{"good", "bad"} {
		h.Commits = append(h.Commits, space.Commit{ID: id, Subject: id})
	}
	space, err := space.NewSpace(h, nil)
	if err != nil {
		t.Fatal(err)
	}
	scenario := &scenarios.Scenario{Name: "runnertest", File: "runnertest.yaml"}
	scenario.Builder.Workdir, scenario.Builder.Network = "/src", "none"
	for i, script := range scripts {
		scenario.Stages = append(scenario.Stages, scenarios.Stage{Name: fmt.Sprint("stage", i+1), Run: script, Timeout: time.Minute})
	}
	scenario.Verdict.Stage = len(scripts) - 1
	return &lab.Lab{
		Scenario: scenario, Space: space, Backend: s.Engine, Images: oneImage{s.Image}, Source: source{},
		Run:  fmt.Sprintf("t%d", time.Now().UnixNano()),
		Warn: func(text string) { t.Log("warning:", text) },
	}, space.Bad()
}

// oneImage is all the images that there are.
type oneImage struct{ image *images.Image }

func (o oneImage) Image(context.Context, catalogue.Spec) (*images.Image, error) { return o.image, nil }
func (o oneImage) Identity(context.Context, catalogue.Spec) (string, error)     { return o.image.Name, nil }
func (o oneImage) Prepare(context.Context, []catalogue.Spec) error              { return nil }

// source is trees of one file, commit, that holds the commit's id, and blob.
type source struct{ blob []byte }

func (s source) Tree(_ context.Context, commit string) (string, error) {
	return "tree-of-" + commit, nil
}

func (s source) WriteTar(_ context.Context, commit string, w io.Writer) error {
	t := tar.NewWriter(w)
	for name, text := range map[string][]byte{"commit": []byte(commit), "blob": s.blob} {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		if _, err := t.Write(text); err != nil {
			return err
		}
	}
	return t.Close()
}

// verdicts runs scripts whose status is all there is to judge by, or is none of the verdict's business.
func (s *suite) verdicts(t *testing.T) {
	for _, c := range []struct {
		script  string
		verdict scenarios.Verdict
		want    bisect.Verdict
		exit    int
	}{
		{"exit 0", scenarios.Verdict{}, bisect.Good, 0},
		{"exit 1", scenarios.Verdict{}, bisect.Bad, 1},
		{"exit 2", scenarios.Verdict{}, bisect.Bad, 2},
		{"exit 125", scenarios.Verdict{}, bisect.Bad, 125},
		{"exit 126", scenarios.Verdict{}, bisect.Bad, 126},
		{"exit 127", scenarios.Verdict{}, bisect.Bad, 127},
		{"exit 139", scenarios.Verdict{}, bisect.Bad, 139},
		{"no-such-command", scenarios.Verdict{}, bisect.Bad, 127},
		{"mkdir d; ./d", scenarios.Verdict{}, bisect.Bad, 126},
		{"kill -SEGV $$", scenarios.Verdict{}, bisect.Bad, 139},
		{"exit 125", scenarios.Verdict{Judge: scenarios.GitStatus}, bisect.Skip, 125},
		{"echo unknown flag; exit 125", scenarios.Verdict{Judge: scenarios.Signature{Log: regexp.MustCompile("^unknown flag$")}}, bisect.Bad, 125},
		{"echo unknown flag >&2; exit 125", scenarios.Verdict{Judge: scenarios.Signature{Log: regexp.MustCompile("^unknown flag$")}}, bisect.Bad, 125},
		{"echo another; exit 125", scenarios.Verdict{Judge: scenarios.Signature{Log: regexp.MustCompile("^unknown flag$")}}, bisect.Skip, 125},
		{"echo unknown flag", scenarios.Verdict{Judge: scenarios.Signature{Log: regexp.MustCompile("^unknown flag$")}}, bisect.Good, 0},
	} {
		lab, point := s.lab(t, c.script)
		lab.Scenario.Verdict = c.verdict
		trial, err := lab.Try(t.Context(), 1, point, io.Discard)
		if err != nil || trial.Verdict != c.want || trial.Exit != c.exit {
			t.Errorf("%s: got %s (%s), exit %d, %v", c.script, trial.Verdict, trial.Reason, trial.Exit, err)
		}
	}
}

func (s *suite) earlierStage(t *testing.T) {
	lab, point := s.lab(t, "echo configuring; exit 3", "exit 0")
	trial, err := lab.Try(t.Context(), 1, point, io.Discard)
	if err != nil || trial.Verdict != bisect.Skip || trial.Stage != "stage1" || trial.Exit != 3 {
		t.Errorf("got %s, stage %s, exit %d, %v", trial.Verdict, trial.Stage, trial.Exit, err)
	}
}

// wholeLog prints 30 MB of any bytes on both outputs in turn, with one line of many megabytes among them and
// none that ends the log.
func (s *suite) wholeLog(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	blob := make([]byte, 10<<20)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	random.Read(blob)
	lab, point := s.lab(t, "cat blob; cat blob >&2; head -c 8388608 /dev/zero; cat blob; printf end")
	lab.Source = source{blob}
	expected := sha256.New()
	for _, part := range [][]byte{blob, blob, make([]byte, 8<<20), blob, []byte("end")} {
		expected.Write(part)
	}
	got, size := sha256.New(), counter{}
	trial, err := lab.Try(t.Context(), 1, point, io.MultiWriter(got, &size))
	if err != nil || trial.Verdict != bisect.Good {
		t.Fatalf("got %s (%s), %v", trial.Verdict, trial.Reason, err)
	}
	if want := 3*len(blob) + 8<<20 + 3; size.n != want || !bytes.Equal(got.Sum(nil), expected.Sum(nil)) {
		t.Errorf("%d bytes of %d, sha256 %x, want %x", size.n, want, got.Sum(nil), expected.Sum(nil))
	}
}

func (s *suite) trialTimeout(t *testing.T) {
	for _, outcome := range []scenarios.Outcome{scenarios.CountSkip, scenarios.CountBad} {
		lab, point := s.lab(t, "trap '' TERM INT; while :; do sleep 1; done")
		lab.Scenario.Stages[0].Timeout, lab.Scenario.Stages[0].OnTimeout = 500*time.Millisecond, outcome
		begin := time.Now()
		trial, err := lab.Try(t.Context(), 1, point, io.Discard)
		want := map[scenarios.Outcome]bisect.Verdict{scenarios.CountSkip: bisect.Skip, scenarios.CountBad: bisect.Bad}[outcome]
		if err != nil || trial.Verdict != want || !strings.Contains(trial.Reason, "did not end within 500ms") {
			t.Errorf("%s: got %s (%s), %v", outcome, trial.Verdict, trial.Reason, err)
		}
		if took := time.Since(begin); took > 2*soon {
			t.Errorf("took %s", took)
		}
	}
}

func (s *suite) cancelled(t *testing.T) {
	lab, point := s.lab(t, "trap '' TERM INT HUP QUIT; echo begun; while :; do sleep 1; done")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	out := NewBeginning()
	var ended time.Time
	go func() {
		<-out.Begun
		ended = time.Now()
		cancel(why)
	}()
	trial, err := lab.Try(ctx, 1, point, out)
	if !errors.Is(err, why) || trial.Verdict != bisect.Unknown {
		t.Errorf("got %s, %v", trial.Verdict, err)
	}
	if took := time.Since(ended); took > soon {
		t.Errorf("took %s", took)
	}
	if name := "bisect-" + lab.Marker(1); s.Running(t, name) {
		t.Error("something of it still runs")
	}
}

func (s *suite) trialEnded(t *testing.T) {
	lab, point := s.lab(t, "echo begun; sleep 60")
	out := NewBeginning()
	go func() {
		<-out.Begun
		s.Break(t, "bisect-"+lab.Marker(1))
	}()
	trial, err := lab.Try(t.Context(), 1, point, out)
	if !errors.Is(err, backend.ErrInfrastructure) || trial.Verdict != bisect.Unknown {
		t.Errorf("got %s (%s), %v", trial.Verdict, trial.Reason, err)
	}
	// Another try works.
	lab.Scenario.Stages[0].Run = "exit 0"
	if trial, err := lab.Try(t.Context(), 2, point, io.Discard); err != nil || trial.Verdict != bisect.Good {
		t.Errorf("the next trial: got %s, %v", trial.Verdict, err)
	}
}

func (s *suite) noShell(t *testing.T) {
	if s.NoShell == nil {
		t.Skip("this runner has no image without a shell")
	}
	lab, point := s.lab(t, "exit 0")
	lab.Images = oneImage{s.NoShell}
	trial, err := lab.Try(t.Context(), 1, point, io.Discard)
	if err != nil || trial.Verdict != bisect.Skip || !strings.Contains(trial.Reason, "shell") && !strings.Contains(trial.Reason, "/bin/sh") {
		t.Errorf("got %s (%s), %v", trial.Verdict, trial.Reason, err)
	}
}

func (s *suite) ownTree(t *testing.T) {
	lab, bad := s.lab(t, "cat commit; echo; ls -A; echo x >left; case $BISECT_TRIAL in *-[12]) ;; *) exit 1;; esac")
	var first, second bytes.Buffer
	for id, at := range map[int]struct {
		point bisect.Point
		log   *bytes.Buffer
	}{1: {lab.Space.Good(), &first}, 2: {bad, &second}} {
		if trial, err := lab.Try(t.Context(), id, at.point, at.log); err != nil || trial.Verdict != bisect.Good {
			t.Errorf("trial %d: got %s (%s), %v", id, trial.Verdict, trial.Reason, err)
		}
	}
	if first.String() != "good\nblob\ncommit\n" || second.String() != "bad\nblob\ncommit\n" {
		t.Errorf("got %q and %q", first.String(), second.String())
	}
}
