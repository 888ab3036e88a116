package screen

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"buildbisect/bisect/report"
)

func TestWhatABuildPrintsIsShownAndNotObeyed(t *testing.T) {
	for raw, want := range map[string]string{
		"plain\ttext\n":    "plain\ttext\n",
		"dos\r\nline\r\n":  "dos\nline\n",
		" 10%\r 20%\rdone": " 10%\n 20%\ndone",
		"\x1b[1;31mred\x1b[0m and \x1b[38:5:1mmore": "red and more",
		"\x1b]0;title\x07":                          "^[]0;title^G",
		"\x1b[2J\x1b[H\x1b]52;c;cm0gLXJm\x07":       "^[[2J^[[H^[]52;c;cm0gLXJm^G",
		"\x1bP$q\"p\x1b\\":                          "^[P$q\"p^[\\",
		"\u009b31m\u0085\u202egnp.exe\u2066":        "<U+009B>31m<U+0085><U+202E>gnp.exe<U+2066>",
		"zero\u200bwidth\ufeff\u2028\U000e0041":     "zero<U+200B>width<U+FEFF><U+2028><U+E0041>",
		"\xff\xfe\x00\x7f\x08":                      "<FF><FE>^@^?^H",
		"\x1b[31":                                   "^[[31",
		"\x1b":                                      "^[",
		"日本語 é €":                                   "日本語 é €",
		"\xe6\x97":                                  "<E6><97>",
	} {
		for cut := 0; cut <= len(raw); cut++ { // wherever it is cut into writes
			var out bytes.Buffer
			v := NewVisible(&out)
			for _, part := range []string{raw[:cut], raw[cut:]} {
				if n, err := v.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatalf("%d, %v", n, err)
				}
			}
			if err := v.Flush(); err != nil {
				t.Fatal(err)
			}
			if out.String() != want {
				t.Errorf("%q, cut at %d: got %q, want %q", raw, cut, out.String(), want)
			}
		}
	}
}

func TestNoOutputOfTheProgramMovesATerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := New(f)
	for _, part := range []string{"a\x1b[2J\u202eb\u200b\xe2", "\x82", "\xac\t\r\n\b", "\xff|"} {
		if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got, err := os.ReadFile(f.Name()); string(got) != "a?[2J?b?€\t\r\n\b?|" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if FileOf(s) != f || FileOf(f) != f || FileOf(&bytes.Buffer{}) != nil {
		t.Error("the file behind an output is another")
	}
}

func TestAJSONDocumentHoldsNoCharacterThatATerminalObeysAndLosesNone(t *testing.T) {
	var out bytes.Buffer
	if err := report.WriteJSON(&out, "a\u202e\u200b\U000e0041\u009b\x1bé"); err != nil {
		t.Fatal(err)
	}
	if want := `"a\u202e\u200b\udb40\udc41\u009b\u001bé"` + "\n"; out.String() != want {
		t.Errorf("got %s", out.String())
	}
}
