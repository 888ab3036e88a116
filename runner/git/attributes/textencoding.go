package attributes

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// encoder returns what turns UTF-8 into the text encoding of a name, as git does with the C library's iconv
// on Linux: a character that the encoding lacks is an error. nil: the encoding is not known here.
//
// The tables are those of golang.org/x/text. Only encodings are offered in which it agrees with glibc on
// every character (a test compares them); Shift JIS, EUC-JP, GBK, GB 18030 and Big5 are not among them.
func encoder(name string) transform.Transformer {
	name = strings.ToUpper(name)
	if utf, ok := utfEncodings[strings.ReplaceAll(name, "UTF-", "UTF")]; ok {
		return transform.Chain(encoding.UTF8Validator, utf.NewEncoder())
	}
	if name == "CP949" || name == "UHC" {
		return transform.Chain(encoding.UTF8Validator, korean.EUCKR.NewEncoder())
	}
	if page, ok := pages[pageAliases.Replace(name)]; ok {
		return page
	}
	return nil
}

// utfEncodings are those of Unicode. What names no byte order gets a mark and the machine's own, which is
// little-endian on all that bisect runs on; git itself knows the -BOM names.
var utfEncodings = map[string]encoding.Encoding{
	"UTF16":       unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"UTF16LE":     unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"UTF16BE":     unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"UTF16LE-BOM": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"UTF16BE-BOM": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"UTF32":       utf32.UTF32(utf32.LittleEndian, utf32.UseBOM),
	"UTF32LE":     utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"UTF32BE":     utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
}

// pageAliases turn other names that glibc has into those of pages.
var pageAliases = strings.NewReplacer("WINDOWS-", "CP", "ISO_8859-", "ISO-8859-", "ISO8859-", "ISO-8859-", "IBM", "CP")

// pages are encodings of one byte a character.
var pages = map[string]page{
	"ISO-8859-1": {charmap.ISO8859_1, false}, "LATIN1": {charmap.ISO8859_1, false}, "LATIN-1": {charmap.ISO8859_1, false}, "L1": {charmap.ISO8859_1, false},
	"ISO-8859-2": {charmap.ISO8859_2, true}, "LATIN2": {charmap.ISO8859_2, true}, "L2": {charmap.ISO8859_2, true},
	"ISO-8859-3": {charmap.ISO8859_3, true}, "ISO-8859-4": {charmap.ISO8859_4, true}, "ISO-8859-5": {charmap.ISO8859_5, true},
	"ISO-8859-6": {charmap.ISO8859_6, true}, "ISO-8859-7": {charmap.ISO8859_7, true}, "ISO-8859-8": {charmap.ISO8859_8, true},
	"ISO-8859-9": {charmap.ISO8859_9, false}, "LATIN5": {charmap.ISO8859_9, false}, "ISO-8859-10": {charmap.ISO8859_10, true},
	"ISO-8859-13": {charmap.ISO8859_13, true}, "ISO-8859-14": {charmap.ISO8859_14, true}, "ISO-8859-15": {charmap.ISO8859_15, true},
	"ISO-8859-16": {charmap.ISO8859_16, true}, "KOI8-R": {charmap.KOI8R, false},
	"CP437": {charmap.CodePage437, false}, "CP850": {charmap.CodePage850, false}, "CP852": {charmap.CodePage852, false},
	"CP855": {charmap.CodePage855, false}, "CP858": {charmap.CodePage858, false}, "CP860": {charmap.CodePage860, false},
	"CP862": {charmap.CodePage862, false}, "CP863": {charmap.CodePage863, false}, "CP865": {charmap.CodePage865, false},
	"CP866": {charmap.CodePage866, false}, "CP874": {charmap.Windows874, false},
	"CP1250": {charmap.Windows1250, false}, "CP1251": {charmap.Windows1251, false}, "CP1252": {charmap.Windows1252, false},
	"CP1253": {charmap.Windows1253, false}, "CP1254": {charmap.Windows1254, false}, "CP1256": {charmap.Windows1256, false},
	"CP1257": {charmap.Windows1257, false},
}

// page encodes as a [charmap.Charmap] does, which replaces what it cannot encode and lacks the control
// characters above 0x7f.
type page struct {
	table    *charmap.Charmap
	controls bool // U+0080 to U+009F are encoded as themselves
}

func (p page) Reset() {}

func (p page) Transform(dst, src []byte, atEOF bool) (written, read int, err error) {
	for read < len(src) {
		r, size := utf8.DecodeRune(src[read:])
		if r == utf8.RuneError && size == 1 {
			if !atEOF && !utf8.FullRune(src[read:]) {
				return written, read, transform.ErrShortSrc
			}
			return written, read, encoding.ErrInvalidUTF8
		}
		b, ok := p.table.EncodeRune(r)
		if p.controls && 0x80 <= r && r < 0xa0 {
			b, ok = byte(r), true
		}
		if !ok {
			return written, read, errUnencodable
		}
		if written == len(dst) {
			return written, read, transform.ErrShortDst
		}
		dst[written] = b
		written, read = written+1, read+size
	}
	return written, read, nil
}
