package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Names in the cache that several of its users know.
const (
	ToolLayer     = "layer.tar" // of an entry: the layer of a tool
	Unpacked      = "unpacked"  // of the cache: tools as folders
	UnpackedFiles = "files"     // of an entry in that: the tool
)

// DamagedError says that a file of the cache is not what it was when it was made. Asking for the image again
// makes it anew.
type DamagedError struct{ Path, Why string }

func (e *DamagedError) Error() string {
	return fmt.Sprintf("cache file %s is damaged (%s); run again, and it is made anew", e.Path, e.Why)
}

// Damaged marks the error for those who do not import this package's types.
func (e *DamagedError) Damaged() {}

// SumFile returns the sha256 of a file in hex, and its size in bytes.
func SumFile(path string) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// Sum is the sha256, in hex, of v as JSON: of everything in v that has an exported name.
func Sum(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:]), nil
}

// replaceFile puts a file with a text in the place of what is at path, whole or not at all.
func Replace(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tag-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	// Others may read it, as they may what is not written by way of another file.
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// RemoveTree removes a folder in which there may be some that are closed against writing.
func RemoveTree(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() { // WalkDir tells of a folder before it reads it
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir) // names what is another's
}
