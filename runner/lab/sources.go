package lab

import (
	"context"
	"io"

	"buildbisect/images"
	"buildbisect/images/catalogue"
)

// Source gives the trees that trials build. Commits are full hex ids.
type Source interface {
	// Tree returns the id of what commit's trials see: two commits with the same id build the same files.
	Tree(ctx context.Context, commit string) (string, error)
	// WriteTar streams those files as an uncompressed tar, names relative to the work folder, times fixed,
	// owner 0:0.
	WriteTar(ctx context.Context, commit string, w io.Writer) error
}

// A Borrower is a [Source] whose trees have much in common that need not be sent with each, as the objects of
// a repository.
type Borrower interface {
	// Shared names what the trees of commits, and of commits before them, have in common; "": nothing. Equal
	// names stand for equal contents.
	Shared(ctx context.Context, commits []string) (key string, err error)
	// WriteShared streams what key names as an uncompressed tar.
	WriteShared(ctx context.Context, key string, w io.Writer) error
	// WriteTarWith is [Source.WriteTar] of a tree that finds what WriteShared wrote at the path at; "": the
	// tree brings it along.
	WriteTarWith(ctx context.Context, commit, key, at string, w io.Writer) error
}

// Images makes builder images.
type Images interface {
	// Image makes the image of spec, or finds it made.
	Image(ctx context.Context, spec catalogue.Spec) (*images.Image, error)
	// Identity tells what the image of spec is made of, without making it.
	Identity(ctx context.Context, spec catalogue.Spec) (string, error)
	// Prepare makes the parts of all specs.
	Prepare(ctx context.Context, specs []catalogue.Spec) error
}

// A Warner is a [Source] that tells what in the trees written so far is not as after a clone.
type Warner interface{ Warnings() []string }
