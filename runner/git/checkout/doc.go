// Package checkout gives a build the files of a commit, as a tar stream.
//
// A repository and a commit's id come in. What goes out is what `git checkout` writes in a fresh clone on
// Linux: the commit's own .gitattributes count (ends of lines, encodings, $Id$), the repository's config and
// info/attributes do not, since no clone has them. Filters (LFS, git-crypt) are not run; caveats.go says
// where that matters.
//
// source.go writes the tar, listing.go walks the trees, modules.go finds submodules. For a build that has
// git, dotgit.go writes the .git, and shared.go packs once a run what the .git of every trial borrows.
// uncommitted.go says what of a work tree no commit has.
package checkout
