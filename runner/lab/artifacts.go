package lab

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"buildbisect/bisect/report"
	"buildbisect/images/unpack"
	"buildbisect/runner/backend"
	"buildbisect/runner/redact"
)

const (
	// leastArtifact is what a file counts against resources.artifacts at the least, in bytes: even an empty
	// one takes a place on the disk.
	leastArtifact = 4 << 10
	// leftOutShown is how many files that were left out are named.
	leftOutShown = 5
)

// keep copies the scenario's artifacts out of the box. The verdict stands by then, and nothing here touches
// it: what could not be kept is noted at the end of the log. An error is one of the folder they are kept in.
func (l *Lab) keep(ctx context.Context, box backend.Box, id int, log *counter) error {
	if l.Artifacts == nil || len(l.Scenario.Artifacts) == 0 {
		return nil
	}
	note := func(format string, args ...any) {
		log.note("artifacts: " + l.Secrets.Text(report.Clean(fmt.Sprintf(format, args...))))
	}
	keeper, ok := backend.As[backend.FileReader](box)
	if !ok {
		note("none can be had from this runner")
		return nil
	}
	s, err := newArtifactFolder(l.Artifacts(id), l.Scenario.Builder.Resources.Artifacts, l.Secrets)
	if err != nil {
		return fmt.Errorf("artifacts of trial %d: %w; make room", id, err)
	}
	defer s.root.Close()
	for _, name := range l.Scenario.Artifacts {
		err := s.fetch(ctx, keeper, name)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errArtifactFolder):
			return fmt.Errorf("artifacts of trial %d: %w; make room", id, err)
		case errors.Is(err, fs.ErrNotExist):
			note("%s: not there", name)
		default:
			note("%s: %v", name, err)
		}
	}
	s.link()
	s.unmakeRepositories()
	for _, what := range s.leftOut {
		note("left out: %s", what)
	}
	if more := s.left - len(s.leftOut); more > 0 {
		note("left out: %d more", more)
	}
	return nil
}

// artifactFolder is a folder that takes in what a build made, and trusts none of it. Files and folders are
// made anew with modes of our own; nothing is written through a link, since links are made last; and none
// leads out of the folder, which [os.Root] sees to as well.
type artifactFolder struct {
	root    *os.Root
	limit   int64 // of all that is taken in, in bytes
	room    int64 // bytes of it that may still come
	secrets *redact.Secrets
	links   []link
	heads   []string        // members that may make a folder a repository to git
	obeyed  map[string]bool // names that were left out for who obeys them
	left    int             // how many were left out
	leftOut []string        // the first of them, each with the reason
}

type link struct{ name, target string }

// errArtifactFolder marks errors of the folder itself.
var errArtifactFolder = errors.New("cannot be kept")

func newArtifactFolder(dir string, limit int64, secrets *redact.Secrets) (*artifactFolder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	return &artifactFolder{root: root, limit: limit, room: limit, secrets: secrets}, err
}

// fetch takes in what lies at name in the work folder.
func (s *artifactFolder) fetch(ctx context.Context, keeper backend.FileReader, name string) error {
	r, w := io.Pipe()
	got := make(chan error, 1)
	go func() {
		err := keeper.Get(ctx, name, w)
		w.CloseWithError(err)
		got <- err
	}()
	err := s.take(name, r)
	r.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
	getErr := <-got // the box must not be closed while it is read
	if err == nil && !errors.Is(getErr, io.ErrClosedPipe) {
		err = getErr
	}
	return err
}

// take takes in a tar whose names begin with the last element of name, up to the first member that there is
// no room for. That one is not so much as read: a sparse file of a terabyte is made in no time. For the same
// reason what is left out takes room, too.
func (s *artifactFolder) take(name string, r io.Reader) error {
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Size > s.room || s.room < leastArtifact {
			return fmt.Errorf("more than %s (resources.artifacts): cut at %s, which is left out with what follows it in there", size(s.limit), s.shown(h.Name))
		}
		s.room -= max(h.Size, leastArtifact)
		to, err := s.place(name, h.Name)
		if err == nil {
			err = s.add(name, to, h, in)
		}
		switch {
		case err == nil:
		case errors.Is(err, errTorn):
			return err
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO):
			return fmt.Errorf("%w: %w", errArtifactFolder, err)
		default:
			s.leaveOut(h.Name, err)
		}
	}
}

// place is where a member goes, or an error if it may go nowhere.
func (s *artifactFolder) place(name, member string) (string, error) {
	clean, err := unpack.Name(member)
	if err != nil {
		return "", err
	}
	first, below, _ := strings.Cut(clean, "/")
	switch {
	case first != path.Base(name):
		return "", fmt.Errorf("it is not part of %s", name)
	case report.Clean(clean) != clean:
		return "", errors.New("a terminal would obey its name")
	case s.secrets.Text(clean) != clean:
		return "", errors.New("its name holds a secret")
	}
	to := path.Join(name, below)
	return to, refuseObeyed(to)
}

// errTorn says that the stream itself is at fault.
var errTorn = errors.New("could not be read to its end")

// add takes in a member of the artifact name.
func (s *artifactFolder) add(name, to string, h *tar.Header, r io.Reader) error {
	if strings.EqualFold(path.Base(to), headFile) {
		s.heads = append(s.heads, to)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return s.root.MkdirAll(to, 0o755)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return s.file(to, h, r)
	case tar.TypeLink:
		from, err := s.place(name, h.Linkname) // there already, as a file of our own
		if err != nil {
			return err
		}
		return s.root.Link(from, to)
	case tar.TypeSymlink:
		if err := unpack.StaysWithin(to, h.Linkname); err != nil {
			return err
		}
		s.links = append(s.links, link{to, h.Linkname})
		return nil
	}
	return errors.New("it is neither a file nor a folder nor a link")
}

// file takes in a file, whole or not at all.
func (s *artifactFolder) file(to string, h *tar.Header, r io.Reader) error {
	if err := s.root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := s.root.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	source := backend.NewSourceReader(r)
	_, err = io.Copy(f, source)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, s.root.Remove(to))
	}
	if source.Failure() != nil {
		return fmt.Errorf("%w: %w", errTorn, source.Failure())
	}
	return err
}

// link makes the symbolic links, now that nothing more is written.
func (s *artifactFolder) link() {
	for _, l := range s.links {
		err := s.root.MkdirAll(path.Dir(l.name), 0o755)
		if err == nil {
			err = s.root.Symlink(l.target, l.name)
		}
		if err != nil {
			s.leaveOut(l.name, err)
		}
	}
	s.links = nil
}

// unmakeRepositories takes what makes a folder a repository to git out of it, once all is there.
func (s *artifactFolder) unmakeRepositories() {
	for _, head := range s.heads {
		var names []string
		list, err := fs.ReadDir(s.root.FS(), path.Dir(head))
		if err != nil {
			continue // it did not come to be
		}
		for _, d := range list {
			names = append(names, d.Name())
		}
		if bareRepository(names) {
			err := errors.New("with it, git would take the folder for a repository, and obey its settings")
			s.leaveOut(head, errors.Join(err, s.root.RemoveAll(head)))
		}
	}
}

func (s *artifactFolder) leaveOut(name string, why error) {
	if o, ok := errors.AsType[*obeyedError](why); ok { // of a folder, once
		if s.obeyed[o.name] {
			return
		}
		if s.obeyed == nil {
			s.obeyed = map[string]bool{}
		}
		s.obeyed[o.name], name = true, o.name
	}
	if s.left++; len(s.leftOut) < leftOutShown {
		if inner, ok := errors.AsType[*fs.PathError](why); ok {
			why = inner.Err
		} else if inner, ok := errors.AsType[*os.LinkError](why); ok {
			why = inner.Err
		}
		s.leftOut = append(s.leftOut, fmt.Sprintf("%s: %v", s.shown(name), why))
	}
}

// shown is a member's name for people. Secrets go first: of one that is clipped or quoted the rest would not
// be known again.
func (s *artifactFolder) shown(name string) string {
	return fmt.Sprintf("%q", clip([]byte(s.secrets.Text(name))))
}
