package catalogue

import (
	"errors"
	"strings"
)

// File is a tool that the user has, as one executable file.
type File struct {
	Path   string // on this machine
	SHA256 string // of its bytes, 64 hex digits
	Within string // no link on the way leads out of this folder; "": anywhere
	Unseen bool   // errors tell nothing of what it holds, not even the digest
}

func (f *File) Kind() string { return "file" }

func (f *File) String() string { return "file " + f.Path }

func (f *File) Check(t Toolchain) error {
	switch {
	case f.Path == "":
		return errors.New("no file given")
	case t.Tree != "":
		return errors.New("a file cannot be a tree")
	}
	return checkSum(f.SHA256, f.Path)
}

func (f *File) Filled(func(string) string) Source {
	filled := *f
	filled.SHA256 = strings.ToLower(f.SHA256)
	return &filled
}

func (f *File) Folder() bool { return false }

// Recipe is the file's digest, wherever the file lies.
func (f *File) Recipe(Making) any { return f.SHA256 }
