package checkout

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/git/gittest"
)

// reading are git commands that read. PATH, FILE, TAG and MODULE stand for one of each that there is.
var reading = []string{
	"rev-parse HEAD HEAD^{tree}", "rev-parse --short HEAD", "rev-parse --git-dir --show-toplevel --is-shallow-repository --abbrev-ref HEAD",
	"describe", "describe --tags --always", "describe --tags --long --dirty --always --abbrev=12", "describe --contains HEAD~1", "describe --all --always",
	"log --oneline --graph", "log -1 --format=%h -- PATH", "log -p --format=fuller", "log --follow --name-status --format=%h -- FILE", "log --stat -m", "log -Swords --oneline",
	"log --all --oneline --decorate", "whatchanged --format=%h -2", "blame -s FILE", "blame -l HEAD~1 -- FILE", "show --stat HEAD", "show HEAD~1", "show TAG", "show HEAD:FILE", "diff TAG HEAD",
	"diff --stat -M HEAD~2 HEAD", "diff --submodule=log TAG HEAD", "diff HEAD", "diff-index --quiet HEAD --", "diff-files --quiet", "status", "status --porcelain=v2 --branch --ignored",
	"archive HEAD", "archive TAG PATH", "ls-files -s", "ls-tree -r -l HEAD", "rev-list --count HEAD", "rev-list --count HEAD -- PATH", "rev-list --objects --all", "rev-list --first-parent TAG..HEAD",
	"shortlog -sne HEAD", "cat-file -p HEAD", "cat-file -p HEAD^{tree}", "cat-file -p TAG", "cat-file -s HEAD:FILE", "grep -n words", "grep -c words HEAD~1",
	"submodule status --recursive", "submodule foreach --recursive git describe --tags --always", "name-rev --tags HEAD~1", "tag -n", "tag --merged HEAD~1", "tag --contains HEAD~1", "for-each-ref",
	"branch -a", "merge-base TAG HEAD", "merge-base --is-ancestor TAG HEAD", "stash list", "check-attr -a FILE", "log --format=%h -1 -- MODULE", "format-patch --stdout -1 HEAD", "range-diff HEAD~2..HEAD HEAD~2..HEAD",
}

// TestGitReadsInATreeWhatItReadsInAClone asks git the same in the tree that Source writes and in a clone of
// that commit, of random histories.
func TestGitReadsInATreeWhatItReadsInAClone(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("BISECT_SEED"); given != "" {
		seed, _ = strconv.ParseUint(given, 10, 64)
	}
	worlds, _ := strconv.Atoi(os.Getenv("BISECT_GIT_WORLDS"))
	worlds = max(worlds, 2)
	asked, same := 0, 0
	for range worlds {
		r := rand.New(rand.NewPCG(seed, 1))
		t.Logf("BISECT_SEED=%d", seed)
		w := newTwoRepos(t, r)
		source := opened(t, w.dir)
		s := NewSource(source, SourceOptions{Git: true, Submodules: true})
		commits := strings.Fields(gittest.Run(t, w.dir, "rev-list", "main"))
		key, err := s.Shared(t.Context(), commits)
		if err != nil {
			t.Fatal(err)
		}
		shared := filepath.Join(t.TempDir(), "shared")
		writeShared(t, s, key, shared)
		for range gittest.Fewer(4) / 2 {
			commit := commits[r.IntN(len(commits))]
			ours, theirs := filepath.Join(t.TempDir(), "tree"), filepath.Join(t.TempDir(), "tree")
			var b bytes.Buffer
			if err := s.WriteTarWith(t.Context(), commit, key, shared, &b); err != nil {
				t.Fatal(err)
			}
			untar(t, &b, ours)
			w.clone(t, commit, theirs)
			for _, in := range []string{".", "lib", "lib/deep/inner"} {
				if _, err := os.Stat(filepath.Join(theirs, in, ".git")); err != nil {
					continue
				}
				for _, command := range reading {
					args := w.fill(t, r, filepath.Join(theirs, in), command)
					want, wantErr := gittest.Try(t, filepath.Join(theirs, in), "", args...)
					got, gotErr := gittest.Try(t, filepath.Join(ours, in), "", args...)
					got = strings.ReplaceAll(got, ours, theirs)
					if asked++; want != got || (wantErr == nil) != (gotErr == nil) {
						t.Errorf("BISECT_SEED=%d %s in %s: git %q:\n%.1500s%v\nin a clone:\n%.1500s%v", seed, commit, in, args, got, gotErr, want, wantErr)
					} else if wantErr == nil {
						same++
					}
				}
			}
		}
		seed++
	}
	t.Logf("%d questions of %d kinds, %d of them with an answer and no refusal", asked, len(reading), same)
}

// twoRepos is a repository of random history with a submodule in most commits, which has one itself.
type twoRepos struct{ dir, lib, inner string }

func newTwoRepos(t *testing.T, r *rand.Rand) *twoRepos {
	top := t.TempDir()
	w := &twoRepos{dir: filepath.Join(top, "repo"), lib: filepath.Join(top, "lib"), inner: filepath.Join(top, "inner")}
	randomHistory(t, r, w.inner, "inner", 6, nil, "", "")
	randomHistory(t, r, w.lib, "lib", 10, strings.Fields(gittest.Run(t, w.inner, "rev-list", "main")), "deep/inner", w.inner)
	randomHistory(t, r, w.dir, "top", 24, strings.Fields(gittest.Run(t, w.lib, "rev-list", "--all")), "lib", w.lib)
	gittest.Run(t, w.dir, "clone", "-q", "--bare", w.lib, ".git/modules/lib")
	gittest.Run(t, w.dir, "clone", "-q", "--bare", w.inner, ".git/modules/lib/modules/deep/inner")
	if r.IntN(2) == 0 {
		gittest.Run(t, w.dir, "repack", "-adq")
	}
	return w
}

// randomHistory makes a repository whose main has merges, renames, deletions, and tags of both kinds, on side
// branches too. From some commit on it has a submodule, pinned at any of pins.
func randomHistory(t *testing.T, r *rand.Rand, dir, name string, n int, pins []string, module, url string) {
	gittest.Run(t, filepath.Dir(dir), "init", "-q", "-b", "main", dir)
	var b strings.Builder
	since := r.IntN(3)
	for i := 1; i <= n; i++ {
		branch, merge := "main", ""
		switch {
		case i > 2 && i < n && r.IntN(3) == 0:
			branch = "side" + strconv.Itoa(r.IntN(3))
		case i > 4 && r.IntN(3) == 0:
			merge = strconv.Itoa(2 + r.IntN(i-3))
		}
		fmt.Fprintf(&b, "commit refs/heads/%s\nmark :%d\nauthor A%d <a%[3]d@example.org> %d +0100\ncommitter C <c@example.org> %[4]d -0300\ndata <<.\n%s %[2]d\n\nwords\n.\n", branch, i, r.IntN(3), 1500000000+i*1000, name)
		if branch != "main" { // begins or goes on anywhere
			fmt.Fprintf(&b, "from :%d\n", 1+r.IntN(i-1))
		}
		if merge != "" {
			fmt.Fprintf(&b, "merge :%s\n", merge)
		}
		for range 1 + r.IntN(3) {
			file := fmt.Sprintf("d%d/f %d", r.IntN(2), r.IntN(3))
			fmt.Fprintf(&b, "M 100%s inline %s\ndata <<.\n%s%s words %d\n.\n", []string{"644", "755"}[r.IntN(2)], strconv.Quote(file), strings.Repeat("line\n", r.IntN(5)), name, r.IntN(9))
		}
		b.WriteString("M 644 inline always\ndata <<.\nwords of all\n.\n")
		if i > 1 && r.IntN(4) == 0 {
			fmt.Fprintf(&b, "C always %s\nM 120000 inline link\ndata 6\nalways\n", strconv.Quote(fmt.Sprintf("copy %d", i)))
		}
		if pins != nil && i > since {
			fmt.Fprintf(&b, "M 644 inline .gitmodules\ndata <<.\n[submodule %q]\n\tpath = %s\n\turl = %s\n.\nM 160000 %s %[2]s\n", module, module, url, pins[r.IntN(len(pins))])
		}
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "reset refs/tags/light%d\nfrom :%[1]d\n\n", i)
		case 1:
			fmt.Fprintf(&b, "tag v%d.0\nfrom :%[1]d\ntagger T <t@example.org> %d +0000\ndata <<.\nversion %[1]d\n.\n", i, 1500000000+i*1000+1)
		}
	}
	if out, err := gittest.Try(t, dir, b.String(), "fast-import", "--quiet", "--force"); err != nil {
		t.Fatal(out)
	}
}

// clone makes a clone of a commit, and takes from it what is newer, or never led there.
func (w *twoRepos) clone(t *testing.T, commit, to string) {
	gittest.Run(t, w.dir, "clone", "-q", "--no-checkout", w.dir, to)
	gittest.Run(t, to, "checkout", "-q", "--detach", commit)
	gittest.Run(t, to, "submodule", "update", "-q", "--init", "--recursive")
	for _, in := range []string{".", "lib", "lib/deep/inner"} {
		dir := filepath.Join(to, in)
		if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
			continue
		}
		kept := strings.Fields(gittest.Run(t, dir, "tag", "--merged", "HEAD"))
		for ref := range strings.FieldsSeq(gittest.Run(t, dir, "for-each-ref", "--format=%(refname)")) {
			if !slices.Contains(kept, strings.TrimPrefix(ref, "refs/tags/")) {
				gittest.Run(t, dir, "update-ref", "--no-deref", "-d", ref)
			}
		}
		gittest.Run(t, dir, "remote", "remove", "origin")
	}
}

// fill puts what there is in place of a command's words for it.
func (w *twoRepos) fill(t *testing.T, r *rand.Rand, dir, command string) []string {
	one := func(list []string, otherwise string) string {
		if len(list) == 0 || list[0] == "" {
			return otherwise
		}
		return list[r.IntN(len(list))]
	}
	args := strings.Fields(command)
	for i, word := range args {
		switch word {
		case "PATH":
			args[i] = one([]string{"d0", "d1", "always", "link"}, "")
		case "FILE", "HEAD:FILE":
			file := one(strings.Split(gittest.Run(t, dir, "-c", "core.quotePath=false", "ls-files", "*d0/*", "*d1/*"), "\n"), "always")
			args[i] = strings.Replace(word, "FILE", file, 1)
		case "TAG", "TAG..HEAD":
			tag := one(strings.Fields(gittest.Run(t, dir, "tag")), "HEAD~1")
			args[i] = strings.Replace(word, "TAG", tag, 1)
		case "MODULE":
			args[i] = "lib"
		}
	}
	return args
}

func writeShared(t testing.TB, s *Source, key, to string) {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteShared(t.Context(), key, &b); err != nil {
		t.Fatal(err)
	}
	untar(t, &b, to)
}
