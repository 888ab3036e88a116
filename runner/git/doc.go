// Package git reads commits: the history between two of them as a DAG, whole or limited to first parents and
// paths as git limits it; what one of them changed; and its files as a tar stream.
//
// It opens a repository where it lies and never writes to it: no clone, no work tree, no lock, no ref. What
// git reads is read, and read alike: work trees, bare repositories, linked work trees, any part a symbolic
// link, alternates, packs of every kind, shallow and partial clones, replacement refs and grafts. What is not
// (SHA-256 ids, reftables) is refused with the command that makes a copy that is.
//
// What a commit's tar holds is what `git checkout` writes in a fresh clone on Linux: the commit's own
// .gitattributes count (ends of lines, encodings, $Id$), the repository's config and info/attributes do not,
// since no clone has them. Filters (LFS, git-crypt) are not run.
//
// It is the only package that imports go-git.
package git
