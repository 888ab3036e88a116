package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Mistakes are all that is wrong with one scenario file, sorted by place. It is the error that [Decode],
// [Load] and [Open] return for a file that was read but is not a valid scenario: errors.As finds it.
//
// It is a type of its own, and not a multierror, because its elements are printed with an excerpt each and
// sorted by place, and because a caller may want them as data.
type Mistakes []Mistake

// Mistake is one thing wrong with a scenario file, and where.
type Mistake struct {
	File    string
	Line    int    // from 1
	Column  int    // from 1, in characters
	Path    string // such as axes[1].levels; empty for the whole file
	Message string
	Excerpt string // two lines, indented: the line of the file, and a caret below the column
}

// Error prints all mistakes, each as file:line:column: path: message and its excerpt.
func (ms Mistakes) Error() string {
	all := make([]string, len(ms))
	for i, m := range ms {
		all[i] = m.Error()
	}
	return strings.Join(all, "\n")
}

func (m Mistake) Error() string {
	message := m.Message
	if m.Path != "" {
		message = m.Path + ": " + message
	}
	text := fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, message)
	if m.Excerpt != "" {
		text += "\n" + m.Excerpt
	}
	return text
}

// sorted puts mistakes in the order of their places; those at one place stay in the order they were found.
func (ms Mistakes) sorted() Mistakes {
	slices.SortStableFunc(ms, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ms
}

// text is the content of a scenario file, by lines and characters, so that an excerpt costs no more than its
// own width even where a hostile file has all its mistakes on one long line.
type text struct {
	file  string
	lines [][]rune
}

func newText(file, content string) *text {
	s := &text{file: file}
	for line := range strings.SplitSeq(lineBreaks.Replace(content), "\n") {
		s.lines = append(s.lines, []rune(line))
	}
	return s
}

// lineBreaks are those YAML counts lines by.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func (s *text) mistake(line, column int, path, message string) Mistake {
	return Mistake{
		File: s.file, Line: line, Column: column, Path: path, Message: message,
		Excerpt: s.excerpt(line, column),
	}
}

// excerptWidth is how many characters of a line are shown at most.
const excerptWidth = 120

func (s *text) excerpt(line, column int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	text := s.lines[line-1]
	at := min(max(column-1, 0), len(text))
	from, dots := 0, ""
	if at > excerptWidth*2/3 {
		from, dots = at-excerptWidth/2, "..."
	}
	shown := slices.Clone(text[from:min(len(text), from+excerptWidth)])
	for i, r := range shown {
		// A terminal must not obey what a broken file holds.
		if r != '\t' && !unicode.IsPrint(r) {
			shown[i] = unicode.ReplacementChar
		}
	}
	tail := ""
	if from+excerptWidth < len(text) {
		tail = "..."
	}
	// Tabs stay tabs below tabs, so that the caret stands right at any tab width.
	pad := make([]rune, 0, excerptWidth)
	for _, r := range shown[:at-from] {
		if r != '\t' {
			r = ' '
		}
		pad = append(pad, r)
	}
	number := fmt.Sprint(line)
	return fmt.Sprintf("   %s | %s%s%s\n   %s | %s%s^",
		number, dots, string(shown), tail,
		strings.Repeat(" ", len(number)), strings.Repeat(" ", len(dots)), string(pad))
}
