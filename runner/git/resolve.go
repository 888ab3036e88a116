package git

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/xrash/smetrics"

	"buildbisect/runner/git/gittext"
)

var (
	described = regexp.MustCompile(`-g([0-9a-f]{4,40})$`)                // as git describe prints
	pseudoRef = regexp.MustCompile(`^[A-Z_]+$`)                          // HEAD and the like, beside refs/
	step      = regexp.MustCompile(`^(?:\^\{(?:commit)?\}|([~^])(\d*))`) // one of ^{} ^{commit} ~N ^N
)

// Resolve returns the commit that rev names: an id, whole or short; a tag, branch or other ref, or HEAD or @;
// what `git describe` prints; each followed by any number of ~N, ^N and ^{}. Tags are peeled. Where a name
// and a short id are spelled alike the name wins, as in git.
//
// go-git's own resolver is not used: it answers ^3 with the second parent, prefers short ids to names, and
// takes @{1} or :path for nothing at all, each a wrong commit without a word.
func (r *Repository) Resolve(rev string) (Commit, error) {
	id, err := r.resolve(rev)
	if err != nil {
		return Commit{}, err
	}
	return r.commit(id)
}

func (r *Repository) resolve(rev string) (plumbing.Hash, error) {
	if strings.Contains(rev, "..") {
		return plumbing.ZeroHash, &NotFoundError{Rev: rev, Why: "a range; give one commit"}
	}
	if strings.ContainsAny(rev, ":") || strings.Contains(rev, "@{") || strings.Contains(rev, "^{/") {
		return plumbing.ZeroHash, &NotFoundError{Rev: rev, Why: "paths, reflogs and searches are not understood here; give what `git rev-parse` prints for it"}
	}
	base, steps := rev, ""
	if i := strings.IndexAny(rev, "~^"); i >= 0 {
		base, steps = rev[:i], rev[i:]
	}
	id, err := r.lookUp(base)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if id.IsZero() {
		return plumbing.ZeroHash, r.notFound(rev, base)
	}
	commit, err := r.peel(rev, id)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return r.walk(rev, commit, steps)
}

// lookUp returns the object of a name without steps, or zero.
func (r *Repository) lookUp(name string) (plumbing.Hash, error) {
	if name == "@" {
		name = "HEAD"
	}
	if len(name) == 40 && IsHex(name) {
		if id := plumbing.NewHash(name); r.Objects.Has(id) {
			return id, nil
		}
		return plumbing.ZeroHash, nil
	}
	if id := r.lookUpRef(name); !id.IsZero() {
		return id, nil
	}
	if match := described.FindStringSubmatch(name); match != nil {
		return r.lookUpShort(match[1])
	}
	return r.lookUpShort(name)
}

// lookUpRef tries the places that git tries, in its order.
func (r *Repository) lookUpRef(name string) plumbing.Hash {
	full := []string{"refs/" + name, "refs/tags/" + name, "refs/heads/" + name, "refs/remotes/" + name, "refs/remotes/" + name + "/HEAD"}
	if strings.HasPrefix(name, "refs/") || pseudoRef.MatchString(name) {
		full = append([]string{name}, full...)
	}
	for _, candidate := range full {
		if id, ok := r.Refs.resolve(candidate); ok {
			return id
		}
	}
	return plumbing.ZeroHash
}

// lookUpShort returns the one commit, or tag of a commit, whose id begins so, or zero.
func (r *Repository) lookUpShort(digits string) (plumbing.Hash, error) {
	if len(digits) < 4 || !IsHex(digits) {
		return plumbing.ZeroHash, nil
	}
	found, err := r.commitsLike(strings.ToLower(digits))
	if err != nil || len(found) == 0 {
		return plumbing.ZeroHash, err
	}
	if len(found) == 1 {
		return found[0], nil
	}
	ambiguous := &AmbiguousError{Rev: digits}
	for _, id := range found {
		text := gittext.Short(id.String())
		if commit, err := r.peel(digits, id); err == nil {
			if c, err := r.commit(commit); err == nil {
				text += " " + c.Subject
			}
		}
		ambiguous.Candidates = append(ambiguous.Candidates, text)
	}
	return plumbing.ZeroHash, ambiguous
}

// commitsLike returns the commits, and tags of commits, whose ids begin with the given digits, in order of
// id.
func (r *Repository) commitsLike(digits string) ([]plumbing.Hash, error) {
	prefix, err := hex.DecodeString(digits[:len(digits)&^1])
	if err != nil {
		return nil, err
	}
	ids, err := r.Objects.withPrefix(prefix)
	if err != nil {
		return nil, err
	}
	var found []plumbing.Hash
	for _, id := range ids {
		if strings.HasPrefix(id.String(), digits) {
			if _, err := r.peel(digits, id); err == nil {
				found = append(found, id)
			}
		}
	}
	slices.SortFunc(found, func(a, b plumbing.Hash) int { return strings.Compare(a.String(), b.String()) })
	return found, nil
}

// peel follows tags to the commit.
func (r *Repository) peel(rev string, id plumbing.Hash) (plumbing.Hash, error) {
	for {
		object, reader, err := r.Objects.Open(plumbing.AnyObject, id)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		reader.Close()
		switch object.Type() {
		case plumbing.CommitObject:
			return id, nil
		case plumbing.TagObject:
			if id, err = r.Tagged(id); err != nil {
				return plumbing.ZeroHash, err
			}
		default:
			return plumbing.ZeroHash, &NotFoundError{Rev: rev, Why: fmt.Sprintf("names a %s, not a commit", object.Type())}
		}
	}
}

// Tagged returns what an annotated tag points at.
func (r *Repository) Tagged(tag plumbing.Hash) (plumbing.Hash, error) {
	content, _, err := r.Objects.Read(plumbing.TagObject, tag)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	target, ok := strings.CutPrefix(string(content), "object ")
	if !ok || len(target) < 40 {
		return plumbing.ZeroHash, fmt.Errorf("read tag %s: it names no object", gittext.Short(tag.String()))
	}
	return plumbing.NewHash(target[:40]), nil
}

// walk takes the steps ~N, ^N and ^{} from a commit.
func (r *Repository) walk(rev string, at plumbing.Hash, steps string) (plumbing.Hash, error) {
	for steps != "" {
		match := step.FindStringSubmatch(steps)
		if match == nil || strings.HasPrefix(steps[len(match[0]):], "{") {
			return plumbing.ZeroHash, &NotFoundError{Rev: rev, Why: fmt.Sprintf("%q is not understood", steps)}
		}
		if match[1] == "" { // ^{}: a commit already
			steps = steps[len(match[0]):]
			continue
		}
		steps = steps[len(match[0]):]
		n := 1
		if match[2] != "" {
			var err error
			if n, err = strconv.Atoi(match[2]); err != nil {
				return plumbing.ZeroHash, &NotFoundError{Rev: rev, Why: "too large a number"}
			}
		}
		times, which := 1, n
		if match[1] == "~" {
			times, which = n, 1
		}
		for ; times > 0 && which > 0; times-- {
			parents, err := r.Graph.Parents(at)
			if err != nil {
				return plumbing.ZeroHash, err
			}
			if which > len(parents) {
				missing := &NotFoundError{Rev: rev, Why: fmt.Sprintf("%s has %d parents", gittext.Short(at.String()), len(parents))}
				if r.Graph.Shallow[at] {
					missing.Why, missing.Hint = "this clone is shallow and ends before it", "run: "+r.unshallow()
				}
				return plumbing.ZeroHash, missing
			}
			at = parents[which-1]
		}
	}
	return at, nil
}

func (r *Repository) notFound(rev, base string) error {
	e := &NotFoundError{Rev: rev, Near: r.near(base)}
	if len(r.Graph.Shallow) > 0 {
		e.Hint = "this clone is shallow; to have its whole history run: " + r.unshallow()
	}
	return e
}

// unshallow is the command that completes a shallow clone.
func (r *Repository) unshallow() string {
	return fmt.Sprintf("git -C %s fetch --unshallow --tags", gittext.Quoted(r.top()))
}

// top is the folder that people know the repository by.
func (at Place) top() string {
	if at.WorkTree != "" {
		return at.WorkTree
	}
	return at.GitDir
}

// IsHex reports whether text is digits as in ids.
func IsHex(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}

// near returns at most three names of refs, or short ids, that look like name, nearest first.
func (r *Repository) near(name string) []string {
	const most = 3
	type candidate struct {
		name     string
		distance int
	}
	var all []candidate
	if refs, err := r.Refs.IterReferences(); err == nil {
		seen := map[string]bool{}
		_ = refs.ForEach(func(ref *plumbing.Reference) error {
			text := ref.Name().Short()
			if d := smetrics.WagnerFischer(strings.ToLower(name), strings.ToLower(text), 1, 1, 1); d <= 1+len(name)/3 && !seen[text] {
				seen[text] = true
				all = append(all, candidate{text, d})
			}
			return nil
		})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var names []string
	for _, c := range all[:min(most, len(all))] {
		names = append(names, c.name)
	}
	// An id copied with a mistake: those that begin like it.
	for digits := min(len(name), 12); IsHex(name) && digits >= 4 && len(names) == 0; digits-- {
		ids, err := r.commitsLike(strings.ToLower(name[:digits]))
		if err != nil {
			break
		}
		for _, id := range ids[:min(most, len(ids))] {
			names = append(names, gittext.Short(id.String()))
		}
	}
	return names
}
