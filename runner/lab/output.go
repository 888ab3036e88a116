package lab

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"buildbisect/runner/redact"
)

const (
	tailLines    = 40
	tailWidth    = 400 // bytes of a line that a tail keeps
	recentLines  = 500 // that are searched for the one that reads like an error
	recentWidth  = 2 << 10
	matchesShown = 5
)

// output takes what a stage prints: every byte goes to the log as it comes, and lines are matched on the way,
// so that memory does not grow with the log, nor with a line of it. A line ends in a line feed, in a carriage
// return, which a progress bar prints to write over what it has said, or with the output. It remembers the
// log's own error, which says nothing of the build.
type output struct {
	log     io.Writer
	secrets *redact.Secrets // hidden already, but for those in which colours were
	pattern *regexp.Regexp  // nil: nothing is matched
	line    []byte
	long    *lineStream // what line goes on from, where that did not fit; nil: it begins there
	matches []string    // the first few
	matched bool
	recent  [][]byte // a ring of the last recentLines lines, each cut at recentWidth
	lines   int      // all that have ended
	err     error
	stop    func(error) // called once when the log cannot be written
}

// Write never returns a short count: the builder must not notice that its log is in trouble.
func (o *output) Write(p []byte) (int, error) {
	if o.err == nil {
		if _, err := o.log.Write(p); err != nil {
			o.err = err
			o.stop(err)
		}
	}
	for rest := p; len(rest) > 0; {
		i := bytes.IndexAny(rest, "\n\r")
		part := rest
		if i >= 0 {
			part = rest[:i]
		}
		o.keep(part)
		if i < 0 {
			break
		}
		o.endLine()
		rest = rest[i+1:]
	}
	return len(p), nil
}

// keep holds a line while it is short.
func (o *output) keep(part []byte) {
	for len(o.line)+len(part) > longestLine {
		room := longestLine - len(o.line)
		o.line = append(o.line, part[:room]...)
		part = part[room:]
		if o.long == nil {
			o.long = newLineStream(o.pattern, o.secrets)
		}
		o.long.add(o.line)
		o.line = o.line[:0]
	}
	o.line = append(o.line, part...)
}

// endLine looks at the line that has just ended. At the end of a stage it is called for a last line without a
// line feed. A long build prints millions of lines, so that nothing is done with each but to match and to
// keep it.
func (o *output) endLine() {
	if o.long != nil {
		o.endLongLine()
		return
	}
	if len(o.line) == 0 {
		return
	}
	text := o.line
	o.line = o.line[:0]
	if mayHaveEscapes(text) {
		var e escapes
		text = []byte(o.secrets.Text(string(e.end(e.strip(nil, text)))))
	}
	if o.pattern != nil && o.pattern.Match(text) {
		o.match(excerpt(text, o.pattern.FindIndex(text)))
	}
	o.remember(text)
}

func (o *output) endLongLine() {
	if len(o.line) > 0 {
		o.long.add(o.line)
		o.line = o.line[:0]
	}
	head, match := o.long.end()
	o.long = nil
	if match != nil {
		o.match(match)
	}
	o.remember(head)
}

// match notes that a line matches.
func (o *output) match(excerpt []byte) {
	o.matched = true
	if len(o.matches) < matchesShown {
		o.matches = append(o.matches, clip(excerpt))
	}
}

// remember keeps the beginning of a line.
func (o *output) remember(text []byte) {
	if len(o.recent) < recentLines {
		o.recent = append(o.recent, nil)
	}
	slot := &o.recent[o.lines%recentLines]
	*slot = append((*slot)[:0], text[:min(len(text), recentWidth)]...)
	o.lines++
}

// last gives the line that ended i lines before the last one.
func (o *output) last(i int) []byte { return o.recent[(o.lines-1-i)%recentLines] }

// tail gives the last lines.
func (o *output) tail() []string {
	var tail []string
	for i := min(len(o.recent), tailLines) - 1; i >= 0; i-- {
		tail = append(tail, clip(o.last(i)))
	}
	return tail
}

func clip(line []byte) string {
	text := string(line)
	if len(text) > tailWidth {
		text = text[:tailWidth] + "…"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "␀"), "�")
}

// lastLine is the line that says best why a stage failed: the last that reads like an error, else the last
// that is not make's own summary, else the last of all.
func (o *output) lastLine() string {
	says := func(line []byte) bool { return len(bytes.TrimSpace(line)) > 0 }
	of := func(line []byte) bool { return says(line) && !makeSummary.Match(line) }
	for _, fits := range []func([]byte) bool{readsLikeError, of, says} {
		for i := range o.recent {
			if fits(o.last(i)) {
				return clip(o.last(i))
			}
		}
	}
	return ""
}

// These choose the line of a build's output to quote. They decide no verdict: exit statuses and the scenario's
// own patterns do.
var (
	errorWords  = regexp.MustCompile(`(?i)\b(error|fatal|failed|cannot|can't|unable|undefined|unknown|invalid|denied|not found|no such|no rule|unsupported|panic|missing|not implemented)\b`)
	makeSummary = regexp.MustCompile(`^g?make(\[\d+\])?: \*\*\* \[.*\] Error \d+`)
	volatile    = regexp.MustCompile(`\b(0x[0-9a-fA-F]+|[0-9a-f]{7,64}|\d+)\b`)
)

// readsLikeError leaves make's own summary out: it follows every failure and names none.
func readsLikeError(line []byte) bool {
	return errorWords.Match(line) && !makeSummary.Match(line)
}

// normalize makes the same failure read the same in two builds: numbers and ids become N.
func normalize(line string) string {
	return volatile.ReplaceAllString(strings.TrimSpace(line), "N")
}
