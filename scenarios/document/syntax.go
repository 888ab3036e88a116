package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxFile bounds a scenario file, in bytes: far more than anyone writes by hand, and little enough that no
// content keeps the reader busy for long.
const MaxFile = 256 << 10

// parse reads data as the one YAML document of a scenario file. Where it is none, it says so as one mistake:
// there is no tree to look for more in.
func parse(file string, data []byte) (*yaml.Node, *text, Mistakes) {
	if len(data) > MaxFile {
		src := newText(file, "")
		return nil, src, Mistakes{src.mistake(1, 1, "", fmt.Sprintf(
			"the file has more than %d KiB; keep long scripts in files of the repository", MaxFile>>10))}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	src := newText(file, string(data))
	fail := func(line, column int, message string) (*yaml.Node, *text, Mistakes) {
		return nil, src, Mistakes{src.mistake(line, column, "", message)}
	}

	if at := invalidUTF8(data); at >= 0 {
		before := newText(file, string(data[:at])).lines
		return fail(len(before), len(before[len(before)-1])+1,
			fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", data[at]))
	}
	documents, err := documents(data)
	if err != nil {
		line := faultLine(src, err)
		indent := indent(src.lines[line-1])
		return fail(line, len(indent)+1, syntaxMessage(err, indent))
	}
	if len(documents) == 0 || IsNothing(documents[0].Content[0]) {
		return fail(1, 1, "the file is empty; a scenario starts with version: 1")
	}
	if len(documents) > 1 {
		second := documents[1].Content[0]
		return fail(second.Line, second.Column, "a second document starts; write each scenario into a file of its own")
	}
	return documents[0].Content[0], src, nil
}

// documents parses data, and at most one document more than the one that is allowed.
func documents(data []byte) ([]*yaml.Node, error) {
	var all []*yaml.Node
	for d := yaml.NewDecoder(bytes.NewReader(data)); len(all) < 2; {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, &n)
	}
	return all, nil
}

// faultLine finds the line to show for a syntax error. The parser's own answer is the line where the
// surrounding list or mapping starts, is one too small for some errors, and absent for others. What a person
// wants to see is the first line with which the text stops being YAML whatever is read after it: the one
// behind the longest run of whole lines that still parses.
func faultLine(src *text, err error) int {
	budget := 16 * MaxFile // bytes parsed again, so that a large file costs a moment and no more
	for n := len(src.lines) - 1; n > 0; n-- {
		prefix := join(src.lines[:n])
		if budget -= len(prefix); budget < 0 {
			break
		}
		if _, err := documents(prefix); err == nil {
			return n + 1
		}
	}
	if budget >= 0 {
		return 1
	}
	line := 1
	if m := parserLine.FindStringSubmatch(err.Error()); m != nil {
		fmt.Sscan(m[1], &line)
	}
	return min(max(line, 1), len(src.lines))
}

var parserLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func syntaxMessage(err error, indent []rune) string {
	message := "here, or in what starts here, the file is not YAML: " + err.Error()[len(parserLine.FindString(err.Error())):]
	if slices.Contains(indent, '\t') {
		message += " (YAML is indented with spaces, and this line with a tab)"
	}
	return message
}

func join(lines [][]rune) []byte {
	var b bytes.Buffer
	for _, line := range lines {
		b.WriteString(string(line))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func indent(line []rune) []rune {
	n := slices.IndexFunc(line, func(r rune) bool { return r != ' ' && r != '\t' })
	return line[:max(n, 0)]
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}
