package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// toolFile is a tool's executable in the cache.
type toolFile struct {
	path string
	size int64 // bytes
	sum  string
}

// toolName is the one file of a tool's cache entry.
const toolName = "tool"

// recipe says in 64 hex digits all that decides the bytes of a tool.
func (b *Builder) recipe(ctx context.Context, t Toolchain) (string, error) {
	switch {
	case t.File != nil:
		return sum(struct{ Provider, SHA256 string }{"file", t.File.SHA256})
	case t.Module != nil:
		g, err := b.goTool(ctx)
		if err != nil {
			return "", fmt.Errorf("toolchain %s %s: %w", t.Tool, t.Version, err)
		}
		return sum(struct {
			Provider, Go, Arch string
			Flags              []string
			Module             *Module
		}{"module", g.version, runtime.GOARCH, buildFlags, t.Module})
	}
	return "", fmt.Errorf("toolchain %s %s: neither module nor file says where to have it from", t.Tool, t.Version)
}

// tool returns the tool's executable, made if need be.
func (b *Builder) tool(ctx context.Context, t Toolchain, recipe string) (*toolFile, error) {
	if f := b.tools[recipe]; f != nil {
		return f, nil
	}
	c, err := b.cache()
	if err != nil {
		return nil, err
	}
	s := b.begin(t.Tool + " " + t.Version)
	defer s.end()
	e, err := c.get(ctx, "tools", recipe[:32], s.say, func(ctx context.Context, dir string) (map[string]string, error) {
		notes := map[string]string{"tool": t.Tool, "version": t.Version}
		if t.File != nil {
			return notes, copyTool(t, filepath.Join(dir, toolName))
		}
		return notes, b.buildModule(ctx, s, t, dir)
	})
	if err != nil {
		return nil, fmt.Errorf("toolchain %s %s: %w", t.Tool, t.Version, err)
	}
	f, err := e.file(toolName)
	if err != nil {
		return nil, err
	}
	if b.tools == nil {
		b.tools = map[string]*toolFile{}
	}
	b.tools[recipe] = &toolFile{path: e.path(toolName), size: f.Size, sum: f.SHA256}
	return b.tools[recipe], nil
}

// copyTool takes the user's file into the cache, so that it stays as it was when its digest was checked.
func copyTool(t Toolchain, to string) error {
	in, err := os.Open(t.File.Path)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	defer in.Close()
	got, err := copySummed(in, to, 0o755)
	if err != nil {
		return fmt.Errorf("file %s: %w", t.File.Path, err)
	}
	if got != t.File.SHA256 {
		return fmt.Errorf("file %s has sha256 %s, and the scenario says %s; take the right file, or correct the scenario",
			t.File.Path, got, t.File.SHA256)
	}
	return nil
}

// copySummed writes in to a new file and returns the sha256 of what it wrote, in hex.
func copySummed(in io.Reader, to string, mode fs.FileMode) (sum string, err error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, h), in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
