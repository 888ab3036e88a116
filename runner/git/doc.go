// Package git reads repositories: what a revision names, what a commit says, the history between two commits
// as a DAG, whole or limited to first parents and paths as git limits it, and what one commit changed.
//
// It opens a repository where it lies and never writes to it: no clone, no work tree, no lock, no ref. What
// git reads is read, and read alike: work trees, bare repositories, linked work trees, any part a symbolic
// link, alternates, packs of every kind, shallow and partial clones, replacement refs and grafts. What is not
// (SHA-256 ids, reftables) is refused with the command that makes a copy that is.
//
// place.go finds where the parts of a repository lie, open.go opens them, objects.go and store.go read
// objects, graph.go the parents of commits, resolve.go revisions, history.go and simplify.go what lies
// between two of them. Package checkout makes the files of a commit of it; packages gittext, pattern and
// attributes read git's texts. go-git is imported here and in checkout alone.
package git
