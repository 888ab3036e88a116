package attributes

import (
	"bytes"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/text/transform"
)

// TestEncodingsAreThoseOfTheCLibrary compares each encoding with iconv, on every character of the first
// plane.
func TestEncodingsAreThoseOfTheCLibrary(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("iconv"); err != nil {
		t.Skip("iconv is not installed")
	}
	known, err := exec.Command("iconv", "-l").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"CP949", "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"}
	for name := range pages {
		names = append(names, name)
	}
	slices.Sort(names)
	if testing.Short() {
		names = []string{"CP1252", "CP949", "ISO-8859-15", "UTF-16LE"}
	}
	var all bytes.Buffer
	var runes []rune
	for r := rune(1); r < 0x10000; r++ {
		if r != '\n' && (r < 0xd800 || r > 0xdfff) {
			runes = append(runes, r)
		}
	}
	for _, name := range names {
		if !bytes.Contains(known, []byte(name+"//")) {
			if name != "LATIN-1" { // that one is git's
				t.Errorf("the C library has no %s", name)
			}
			continue
		}
		encoding := encoder(name)
		// iconv -c leaves out what cannot be encoded. A separator that every encoding has tells characters
		// apart.
		all.Reset()
		for _, r := range runes {
			all.WriteString(string(r) + "\n")
		}
		encode := func(text string) ([]byte, error) {
			encoded, _, err := transform.Bytes(encoding, []byte(text))
			return encoded, err
		}
		separator, _ := encode("\n")
		cmd := exec.Command("iconv", "-c", "-f", "UTF-8", "-t", name)
		cmd.Stdin = &all
		out, _ := cmd.Output() // its status says that something was left out
		at := 0
		for _, r := range runes {
			var want []byte
			for !bytes.HasPrefix(out[at:], separator) {
				want, at = append(want, out[at:at+len(separator)]...), at+len(separator)
			}
			at += len(separator)
			got, err := encode(string(r))
			if err != nil {
				got = nil
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: %U is %x, iconv says %x", name, r, got, want)
			}
		}
	}
	t.Logf("compared %d encodings with iconv, %d characters each", len(names), len(runes))
}
