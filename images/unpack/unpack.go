// Package unpack reads files and folders out of archives that come from elsewhere: tar, plain or compressed
// with gzip, bzip2, xz or zstd, zip, and single files compressed like that. What a file is, its content
// tells, never its name.
//
// It trusts no archive. A name that leads out of it, a name that is there twice, a member below a link, and
// in what was asked for a device or a link that leads out of it: each is an error, and so are more bytes than
// allowed and an archive cut short. Since a fault may come last, what was handed out counts only when nil was
// returned. The package itself writes nothing.
//
// Of a member's header only name, kind, size, link and whether it is executable are handed on: no owner, no
// time, no set-user-id, so that two archives of the same files give the same.
//
// Limits: xz with filters for machine code (rare) and encrypted zips are errors; xz takes as much memory as
// the archive asks for, 64 MB at most in what the xz program itself makes. A plain tar that ends between two
// members is not seen to be cut short, nor is it by any tar program: a checksum is what tells.
package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Archive is a file to unpack.
type Archive struct {
	Path  string
	Limit int64 // bytes of all that is in it; 0: 4 GiB
	// Executable reports whether a file is to be executable for which the archive does not say so itself:
	// zips of Go modules hold no modes. The name is the one handed out. Nil: no file is.
	Executable func(name string) bool
}

// Member writes one regular file of the archive to w. The name "" means all of a file that is no archive,
// unpacked if it is compressed.
func (a Archive) Member(ctx context.Context, member string, w io.Writer) error {
	src, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	if src.kind == single {
		if member != "" {
			return a.errorf("it is no tar and no zip, so there is no member %q in it; name none, and the file itself is meant", member)
		}
		_, err := io.Copy(w, src.stream)
		return a.broken(err)
	}

	want, found := path.Clean(member), false
	names, err := a.walk(ctx, src, func(h *tar.Header, r io.Reader) error {
		if h.Name != want {
			return nil
		}
		found = true
		switch h.Typeflag {
		case tar.TypeReg:
			_, err := io.Copy(w, r)
			return err
		case tar.TypeDir:
			return errors.New("it is a folder, want a file")
		case tar.TypeSymlink, tar.TypeLink:
			return fmt.Errorf("it is a link to %q; name that", h.Linkname)
		}
		return notAFile(h)
	})
	if err == nil && member == "" {
		return a.errorf("which member is meant? %s", nearest("", names.of(tar.TypeReg)))
	}
	if err == nil && !found {
		return a.errorf("no member %q; %s", member, nearest(member, names.of(tar.TypeReg)))
	}
	return err
}

// Tree hands every member of one folder of the archive to emit, in a fixed order and by its name below that
// folder, which is not empty, begins and ends with no slash and has no "." or ".." in it; "" is the whole
// archive. Folders that are there only as part of a name are not handed out. Kinds are tar.TypeReg, TypeDir,
// TypeSymlink and TypeLink; modes are 0755 for folders and executables, 0644 for other files, 0777 for
// symbolic links. Symbolic links end within the folder, whatever other links are on the way; hard links name
// a file handed out before. The reader is valid until emit returns.
func (a Archive) Tree(ctx context.Context, folder string, emit func(*tar.Header, io.Reader) error) error {
	src, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	if src.kind == single {
		return a.errorf("it is no tar and no zip, so there is no folder in it")
	}

	prefix := ""
	if folder = path.Clean(folder); folder != "." {
		prefix = folder + "/"
	}
	files := map[string]bool{} // handed out
	names, err := a.walk(ctx, src, func(h *tar.Header, r io.Reader) error {
		name, below := strings.CutPrefix(h.Name, prefix)
		if !below {
			return nil
		}
		out := &tar.Header{Typeflag: h.Typeflag, Name: name, Mode: 0o644}
		switch h.Typeflag {
		case tar.TypeReg:
			files[name] = true
			out.Size = h.Size
			if h.Mode&0o111 != 0 || a.Executable != nil && a.Executable(name) {
				out.Mode = 0o755
			}
		case tar.TypeDir:
			out.Mode = 0o755
		case tar.TypeSymlink:
			if err := staysWithin(name, h.Linkname); err != nil {
				return err
			}
			out.Mode, out.Linkname = 0o777, h.Linkname
		case tar.TypeLink:
			to, below := strings.CutPrefix(path.Clean(h.Linkname), prefix)
			if !below || !files[to] {
				return fmt.Errorf("it is a hard link to %q, which is no file before it in the same folder", h.Linkname)
			}
			files[name] = true
			out.Linkname = to
		default:
			return notAFile(h)
		}
		if err := emit(out, r); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, r) // what emit left, up to the member's own checksum
		return err
	})
	if err == nil && prefix != "" && names[folder] != tar.TypeDir && names[folder] != implied {
		return a.errorf("no folder %q; %s", folder, nearest(folder, names.of(tar.TypeDir, implied)))
	}
	return err
}

func notAFile(h *tar.Header) error {
	kind := fmt.Sprintf("of the unknown kind %q", h.Typeflag)
	switch h.Typeflag {
	case tar.TypeChar, tar.TypeBlock:
		kind = "a device"
	case tar.TypeFifo:
		kind = "a named pipe"
	}
	return fmt.Errorf("it is %s, and only files, folders and links are unpacked", kind)
}

func (a Archive) errorf(format string, args ...any) error {
	return fmt.Errorf("archive %s: "+format, append([]any{a.Path}, args...)...)
}

// broken explains an error from reading the archive.
func (a Archive) broken(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("archive: %w", err) // names the path
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return a.errorf("it is cut short; get it again")
	}
	return a.errorf("%w", err)
}
