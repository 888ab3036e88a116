package runnertest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"buildbisect/bisect"
	"buildbisect/runner/backend"
)

// sharer is the bench's engine, which must be one.
func (s *suite) sharer(t *testing.T) backend.Sharer {
	t.Helper()
	e, ok := backend.As[backend.Sharer](s.Engine)
	if !ok {
		t.Skip("this runner sends each box all that it needs")
	}
	return e
}

// share is of a run of t's own, of which nothing stays.
func (s *suite) share(t *testing.T, key string) backend.ShareSpec {
	return backend.ShareSpec{Key: key, Image: s.id, Labels: s.labels(t)}
}

// labels are of a run whose things are swept away with t.
func (s *suite) labels(t *testing.T) map[string]string {
	run := fmt.Sprintf("t%d", time.Now().UnixNano())
	if s.Sweep != nil {
		t.Cleanup(func() { s.Sweep(t, run) })
	}
	return map[string]string{"org.buildbisect.run": run}
}

// shareWords shares a file with the text, and counts how often it is asked for that.
func (s *suite) shareWords(t *testing.T, key, text string, asked *int) string {
	t.Helper()
	at, err := s.sharer(t).Share(t.Context(), s.share(t, key), func(w io.Writer) error {
		*asked++
		_, err := w.Write(packed(t, file{tar.Header{Name: "dir/", Mode: 0o755, Typeflag: tar.TypeDir}, ""}, file{tar.Header{Name: "dir/words", Mode: 0o644}, text}))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func (s *suite) sharing(t *testing.T) {
	var one, other int
	at := s.shareWords(t, "one", "of all", &one)
	elsewhere := s.shareWords(t, "other", "another", &other)
	if s.shareWords(t, "one", "", &one) != at || one != 1 || other != 1 || at == elsewhere {
		t.Errorf("at %s, %s; written %d and %d times", at, elsewhere, one, other)
	}
	first, second := s.box(t, backend.BoxSpec{Shared: at}), s.box(t, backend.BoxSpec{Shared: at})
	for _, box := range []backend.Box{first, second} {
		Prints(t, box, "cat "+at+"/dir/words; cd "+at+"; find .; find . | while read f; do test -r $f || echo $f; done", "of all.\n./dir\n./dir/words\n")
	}
	Prints(t, s.box(t, backend.BoxSpec{Shared: elsewhere}), "cat "+elsewhere+"/dir/words", "another")
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	Prints(t, second, "cat "+at+"/dir/words", "of all") // it is not gone with one of them
}

// sharedHarm has builds change what others have, too.
func (s *suite) sharedHarm(t *testing.T) {
	for i, script := range []string{
		"echo changed >$at/dir/words; echo new >$at/dir/new", "mv $at/dir $at/moved; rm -rf $at",
		"chmod u+w $at/dir/words; printf xx.all >$at/dir/words; touch -r / $at/dir/words; chmod a-w $at/dir/words",
	} {
		var asked int
		key := fmt.Sprint("harm", i)
		at := s.shareWords(t, key, "of all", &asked)
		box := s.box(t, backend.BoxSpec{Shared: at})
		var out bytes.Buffer
		if _, err := box.Exec(t.Context(), "at="+at+"\n{ "+script+"; } 2>/dev/null || :", &out); err != nil && !errors.Is(err, backend.ErrInfrastructure) {
			t.Errorf("%s: %v", script, err)
		}
		again := s.shareWords(t, key, "of all", &asked)
		Prints(t, s.box(t, backend.BoxSpec{Shared: again}), "find "+again+"/* -type f; cat "+again+"/dir/words", again+"/dir/words\nof all")
	}
}

// brokenShare breaks off; the next one is whole.
func (s *suite) brokenShare(t *testing.T) {
	e, lost := s.sharer(t), errors.New("object not found")
	_, err := e.Share(t.Context(), s.share(t, "broken"), func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 100)); err != nil {
			return err
		}
		return lost
	})
	if !errors.Is(err, lost) || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	if _, err := e.Share(ctx, s.share(t, "broken"), func(w io.Writer) error {
		cancel(why)
		<-ctx.Done()
		_, err := w.Write(make([]byte, 1<<20))
		return err
	}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	var asked int
	at := s.shareWords(t, "broken", "whole", &asked)
	Prints(t, s.box(t, backend.BoxSpec{Shared: at}), "cat "+at+"/dir/words", "whole")
}

// sharedTrees is trees that borrow their only file, or bring it along.
type sharedTrees struct {
	source
	written *int
}

func (s sharedTrees) Shared(_ context.Context, commits []string) (string, error) {
	return "of" + strings.Join(commits, "and"), nil
}

func (s sharedTrees) WriteShared(_ context.Context, key string, w io.Writer) error {
	*s.written++
	return s.write(w, "words", key)
}

func (s sharedTrees) WriteTarWith(_ context.Context, commit, key, at string, w io.Writer) error {
	if at == "" {
		return s.write(w, "words", key)
	}
	return s.write(w, "where", at)
}

func (sharedTrees) write(w io.Writer, name, text string) error {
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	if _, err := io.WriteString(t, text); err != nil {
		return err
	}
	return t.Close()
}

// borrowing runs trials whose trees borrow, where the runner has them borrow, and where it cannot.
func (s *suite) borrowing(t *testing.T) {
	lab, point := s.lab(t, `if test -e where; then cat "$(cat where)/words"; else cat words; fi`)
	written := 0
	lab.Source, lab.Labels = sharedTrees{written: &written}, s.labels(t)
	for id := range 2 {
		var out bytes.Buffer
		if trial, err := lab.Try(t.Context(), id+1, point, &out); err != nil || trial.Verdict != bisect.Good || out.String() != "ofgoodandbad" {
			t.Errorf("got %s (%s), %v, %q", trial.Verdict, trial.Reason, err, out.String())
		}
	}
	if _, ok := backend.As[backend.Sharer](s.Engine); ok && written != 1 {
		t.Errorf("written %d times", written)
	}
	lab.Backend = alone{s.Engine}
	var out bytes.Buffer
	if trial, err := lab.Try(t.Context(), 3, point, &out); err != nil || trial.Verdict != bisect.Good || out.String() != "ofgoodandbad" {
		t.Errorf("brought along: got %s (%s), %v, %q", trial.Verdict, trial.Reason, err, out.String())
	}
}

// alone hides what an engine can do beyond what every one can.
type alone struct{ backend.Backend }
