package runner

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

const (
	longestLine  = 64 << 10 // bytes of a line that are matched; the log has all of it
	tailLines    = 40
	tailWidth    = 400 // bytes of a line that a tail keeps
	matchesShown = 5
)

// output takes what a stage prints: every byte goes to the log as it comes, and lines are matched on the way, so that memory
// does not grow with the log. It remembers the log's own error, which says nothing of the build.
type output struct {
	log     io.Writer
	pattern *regexp.Regexp // nil: nothing is matched
	line    []byte
	matches []string // the first few
	matched bool
	tail    []string
	failing string // the last line that reads like an error
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

func (o *output) keep(part []byte) {
	if room := longestLine - len(o.line); len(part) > room {
		part = part[:room]
	}
	o.line = append(o.line, part...)
}

// endLine looks at the line that has just ended. At the end of a stage it is called for a last line without a line feed.
func (o *output) endLine() {
	if len(o.line) == 0 {
		return
	}
	text := string(o.line)
	o.line = o.line[:0]
	if strings.ContainsAny(text, "\x1b\x9b") {
		text = ansi.Strip(text)
	}
	if o.pattern != nil && o.pattern.MatchString(text) {
		o.matched = true
		if len(o.matches) < matchesShown {
			o.matches = append(o.matches, clip(text))
		}
	}
	if readsLikeError(text) {
		o.failing = clip(text)
	}
	if len(o.tail) == tailLines {
		o.tail = append(o.tail[:0], o.tail[1:]...)
	}
	o.tail = append(o.tail, clip(text))
}

func clip(s string) string {
	if len(s) > tailWidth {
		s = s[:tailWidth] + "…"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "␀"), "�")
}

// lastLine is the line that says best why a stage failed: the last that reads like an error, else the last of all.
func (o *output) lastLine() string {
	if o.failing != "" {
		return o.failing
	}
	for i := len(o.tail) - 1; i >= 0; i-- {
		if strings.TrimSpace(o.tail[i]) != "" {
			return o.tail[i]
		}
	}
	return ""
}

var (
	errorWords  = regexp.MustCompile(`(?i)\b(error|fatal|failed|cannot|can't|unable|undefined|unknown|invalid|denied|not found|no such|no rule|unsupported|panic|missing|not implemented)\b`)
	makeSummary = regexp.MustCompile(`^g?make(\[\d+\])?: \*\*\* \[.*\] Error \d+`)
	volatile    = regexp.MustCompile(`\b(0x[0-9a-fA-F]+|[0-9a-f]{7,64}|\d+)\b`)
)

// readsLikeError leaves make's own summary out: it follows every failure and names none.
func readsLikeError(line string) bool {
	return errorWords.MatchString(line) && !makeSummary.MatchString(line)
}

// normalize makes the same failure read the same in two builds: numbers and ids become N.
func normalize(line string) string {
	return volatile.ReplaceAllString(strings.TrimSpace(line), "N")
}
