package git

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// importer reads fast-import text command by command. The format is described in git-fast-import(1).
type importer struct {
	*imported
	text  []byte
	at    int // of the next byte
	line  int // of the line read last, from 1
	marks map[string]plumbing.Hash
	trees map[plumbing.Hash]*node // of the commits made here
	first string                  // the branch committed to first
	must  bool                    // the text promised to end with done
}

func parseImport(ctx context.Context, text []byte) (*imported, error) {
	i := &importer{
		imported: &imported{refs: map[string]plumbing.Hash{}, objects: map[plumbing.Hash]plumbing.MemoryObject{}},
		text:     text,
		marks:    map[string]plumbing.Hash{},
		trees:    map[plumbing.Hash]*node{},
	}
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		line, ok := i.next()
		if !ok {
			if i.must {
				return nil, i.fail("the text ends without the `done` it promised; was it cut off?")
			}
			break
		}
		if line == "done" {
			break
		}
		if err := i.command(line); err != nil {
			return nil, err
		}
	}
	for name := range i.refs {
		if i.refs[name].IsZero() { // reset, and nothing committed since
			delete(i.refs, name)
		}
	}
	if len(i.refs) == 0 {
		return nil, i.fail("no commit in it; is this fast-import text?")
	}
	i.chooseHead(i.first)
	return i.imported, nil
}

func (i *importer) command(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "", "progress", "checkpoint":
		return nil
	case "feature":
		switch rest {
		case "done":
			i.must = true
			return nil
		case "date-format=raw":
			return nil
		}
		return i.fail("feature %q is not understood", rest)
	case "blob":
		mark := i.mark()
		content, err := i.data()
		if err != nil {
			return err
		}
		i.setMark(mark, i.add(plumbing.BlobObject, content))
		return nil
	case "commit":
		return i.commit(rest)
	case "tag":
		return i.tag(rest)
	case "reset":
		return i.reset(rest)
	}
	return i.fail("command %q is not understood; one of blob, commit, tag, reset, feature, progress, done is expected", word)
}

func (i *importer) fail(format string, args ...any) error {
	return &SyntaxError{Line: i.line, Why: fmt.Sprintf(format, args...)}
}

// next returns the next line that is no comment.
func (i *importer) next() (string, bool) {
	for i.at < len(i.text) {
		line, _, _ := bytes.Cut(i.text[i.at:], []byte("\n"))
		i.at = min(i.at+len(line)+1, len(i.text))
		i.line++
		if !bytes.HasPrefix(line, []byte("#")) {
			return string(line), true
		}
	}
	return "", false
}

// optional returns the rest of the next line if it begins with the given word.
func (i *importer) optional(word string) (string, bool) {
	at, line := i.at, i.line
	if text, ok := i.next(); ok {
		if rest, ok := strings.CutPrefix(text, word+" "); ok {
			return rest, true
		}
	}
	i.at, i.line = at, line
	return "", false
}

func (i *importer) mark() string {
	mark, _ := i.optional("mark")
	i.optional("original-oid")
	return mark
}

func (i *importer) setMark(mark string, id plumbing.Hash) {
	if mark != "" {
		i.marks[mark] = id
	}
}

// data reads `data N` and N bytes, or `data <<END` and the lines before END, and the line end that may follow.
func (i *importer) data() ([]byte, error) {
	arg, ok := i.optional("data")
	if !ok {
		i.next()
		return nil, i.fail("`data` is expected here")
	}
	start := i.at
	if end, ok := strings.CutPrefix(arg, "<<"); ok {
		for i.at < len(i.text) {
			line, _, _ := bytes.Cut(i.text[i.at:], []byte("\n"))
			stop := i.at
			i.at = min(i.at+len(line)+1, len(i.text))
			i.line++
			if string(line) == end {
				content := i.text[start:stop]
				i.skipLineEnd()
				return content, nil
			}
		}
		return nil, i.fail("no line %q ends the data", end)
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 {
		return nil, i.fail("data %q: a number of bytes or <<DELIMITER is expected", arg)
	}
	if n > len(i.text)-start {
		return nil, i.fail("data of %d bytes, but only %d follow", n, len(i.text)-start)
	}
	content := i.text[start : start+n]
	i.at += n
	i.line += bytes.Count(content, []byte("\n"))
	i.skipLineEnd()
	return content, nil
}

func (i *importer) skipLineEnd() {
	if i.at < len(i.text) && i.text[i.at] == '\n' {
		i.at++
		i.line++
	}
}

var personLine = regexp.MustCompile(`^([^<>\n]* )?<[^<>\n]*> \d+ [-+]\d{4}$`)

// person checks the rest of an author, committer or tagger line and returns it as it is stored.
func (i *importer) person(what, text string) (string, error) {
	if !personLine.MatchString(text) {
		return "", i.fail("%s %q: want NAME <EMAIL> SECONDS +ZONE", what, text)
	}
	if strings.HasPrefix(text, "<") { // git keeps the space that ends an empty name
		text = " " + text
	}
	return text, nil
}

// commitish resolves what from and merge name.
func (i *importer) commitish(name string) (plumbing.Hash, error) {
	id, ok := i.marks[name]
	if !strings.HasPrefix(name, ":") {
		if id, ok = i.refs[name]; !ok && len(name) == 40 && isHex(name) {
			id, ok = plumbing.NewHash(name), true
		}
	}
	if _, made := i.trees[id]; !ok || !made {
		return plumbing.ZeroHash, i.fail("%q names no commit before this line", name)
	}
	return id, nil
}

func (i *importer) ref(name string) error {
	if err := plumbing.ReferenceName(name).Validate(); err != nil || !strings.HasPrefix(name, "refs/") {
		return i.fail("ref %q: want a full name such as refs/heads/main", name)
	}
	return nil
}

func (i *importer) reset(name string) error {
	if err := i.ref(name); err != nil {
		return err
	}
	i.refs[name] = plumbing.ZeroHash
	from, ok := i.optional("from")
	if !ok {
		return nil
	}
	id, err := i.commitish(from)
	i.refs[name] = id
	return err
}

func (i *importer) tag(name string) error {
	if err := i.ref("refs/tags/" + name); err != nil {
		return err
	}
	mark := i.mark()
	from, ok := i.optional("from")
	if !ok {
		i.next()
		return i.fail("tag %s: `from` is expected here", name)
	}
	target, err := i.commitish(from)
	if err != nil {
		return err
	}
	i.optional("original-oid")
	var b bytes.Buffer
	fmt.Fprintf(&b, "object %s\ntype commit\ntag %s\n", target, name)
	if text, ok := i.optional("tagger"); ok {
		tagger, err := i.person("tagger", text)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "tagger %s\n", tagger)
	}
	message, err := i.data()
	if err != nil {
		return err
	}
	b.WriteByte('\n')
	b.Write(message)
	id := i.add(plumbing.TagObject, b.Bytes())
	i.refs["refs/tags/"+name] = id
	i.setMark(mark, id)
	return nil
}
