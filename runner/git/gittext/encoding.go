package gittext

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// CommitInUTF8 returns a commit's text as git log shows it: what its header says is in another encoding is
// decoded. What cannot be decoded stays as it is, as does what would lose its header by it (UTF-16).
func CommitInUTF8(content []byte) []byte {
	head, _, _ := bytes.Cut(content, []byte("\n\n"))
	for line := range bytes.Lines(head) {
		name, ok := bytes.CutPrefix(line, []byte("encoding "))
		if !ok {
			continue
		}
		if known := encodingOf(strings.TrimSpace(string(name))); known != nil {
			if decoded, err := known.NewDecoder().Bytes(content); err == nil && bytes.HasPrefix(decoded, []byte("tree ")) {
				return decoded
			}
		}
		return content
	}
	return content
}

// ShortNames are spellings of names that iconv takes and the registries do not have: ISO8859-1, latin-1,
// cp1252, koi8r.
var shortNames = []struct {
	spelled *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`(?i)^iso[-_]?8859[-_]?(\d+)$`), "ISO-8859-$1"},
	{regexp.MustCompile(`(?i)^latin[-_]?(\d+)$`), "latin$1"},
	{regexp.MustCompile(`(?i)^(?:cp|win)[-_]?(125\d)$`), "windows-$1"},
	{regexp.MustCompile(`(?i)^koi8[-_]?([ru])$`), "KOI8-$1"},
	{regexp.MustCompile(`(?i)^(?:sjis|cp932|ms932)$`), "Shift_JIS"},
	{regexp.MustCompile(`(?i)^(?:cp936|eucgb2312)$`), "GBK"},
	{regexp.MustCompile(`(?i)^euc[-_]?(jp|kr)$`), "EUC-$1"},
}

// encodingOf finds an encoding by name; nil for one that is not known, and for UTF-8.
func encodingOf(name string) encoding.Encoding {
	for _, short := range shortNames {
		if short.spelled.MatchString(name) {
			name = short.spelled.ReplaceAllString(name, short.name)
			break
		}
	}
	if strings.EqualFold(name, "utf-8") || strings.EqualFold(name, "utf8") {
		return nil
	}
	// IANA's first: in the web's index latin1 is windows-1252.
	if known, err := ianaindex.IANA.Encoding(name); err == nil && known != nil {
		return known
	}
	if known, err := htmlindex.Get(name); err == nil {
		return known
	}
	return nil
}
