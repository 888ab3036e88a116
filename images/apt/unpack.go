package apt

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Unpack hands each member of a .deb file to each, in its order. Names are relative and clean, without ./ and
// without a slash at the end; the root itself is left out. What no honest package holds is an error: names
// that lead up, members below a symbolic link of the package, relative links that lead out of the tree, hard
// links to what did not come before, devices. Absolute symbolic links are left as they are.
func Unpack(ctx context.Context, deb string, each func(hdr *tar.Header, r io.Reader) error) error {
	if err := unpack(ctx, deb, each); err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(deb), err)
	}
	return nil
}

func unpack(ctx context.Context, deb string, each func(hdr *tar.Header, r io.Reader) error) (err error) {
	deb, err = filepath.Abs(deb) // never an option
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ^C reaches it through ctx alone
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w; this needs the Debian package dpkg", err)
	}
	walkErr := walk(tar.NewReader(out), each)
	if walkErr == nil {
		_, walkErr = io.Copy(io.Discard, out) // a tar is padded behind its end
	}
	cause := ctx.Err()
	if walkErr != nil {
		stop() // it would wait for a reader
	}
	waitErr := cmd.Wait()
	switch {
	case cause != nil:
		return context.Cause(ctx)
	case stderr.Len() > 0 && waitErr != nil:
		return errors.New(strings.Join(strings.Fields(stderr.String()), " "))
	case walkErr != nil:
		return walkErr
	}
	return waitErr
}

// walk checks the members of an archive and hands them on.
func walk(in *tar.Reader, each func(*tar.Header, io.Reader) error) error {
	kinds := map[string]byte{} // of what came, by clean name
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if name == "." && h.Typeflag == tar.TypeDir {
			continue
		}
		if err := checkMember(h, name, kinds); err != nil {
			return err
		}
		h.Name = name
		kinds[name] = h.Typeflag
		if err := each(h, in); err != nil {
			return err
		}
	}
}

func checkMember(h *tar.Header, name string, kinds map[string]byte) error {
	if name == "." || !filepath.IsLocal(h.Name) || strings.Contains("/"+h.Name+"/", "/../") {
		return fmt.Errorf("member %q: its name leads out of the package", h.Name)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if k, ok := kinds[dir]; ok && k != tar.TypeDir {
			return fmt.Errorf("member %q: it lies below %q, which is no folder", h.Name, dir)
		}
	}
	if k, ok := kinds[name]; ok && (k != tar.TypeDir || h.Typeflag != tar.TypeDir) {
		return fmt.Errorf("member %q: it is there twice", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeReg:
	case tar.TypeSymlink:
		if h.Linkname == "" || !path.IsAbs(h.Linkname) && leadsOut(name, h.Linkname) {
			return fmt.Errorf("member %q: a link to %q, which leads out of the package", h.Name, h.Linkname)
		}
	case tar.TypeLink:
		to := path.Clean(h.Linkname)
		if kinds[to] != tar.TypeReg && kinds[to] != tar.TypeLink {
			return fmt.Errorf("member %q: a hard link to %q, which is no file of the package before it", h.Name, h.Linkname)
		}
		h.Linkname = to
	default:
		return fmt.Errorf("member %q: it is of type %q; packages have files, folders and links", h.Name, h.Typeflag)
	}
	return nil
}

// leadsOut tells whether a relative link at name leads above the root at any step.
func leadsOut(name, link string) bool {
	depth := strings.Count(name, "/")
	for _, part := range strings.Split(link, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}
