package report

import (
	"bytes"
	"strings"
	"testing"
)

func TestWhatWasLoosenedIsSaidInEveryRendering(t *testing.T) {
	r := &Report{Outcome: "no-culprit", Summary: "demo.", Loosened: []Loosening{{"builder.network", "bridge lets the build reach\x1b[2J the network"}}}
	var text, document bytes.Buffer
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.JSON(&document); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "\nloosened: builder.network: bridge lets the build reach?[2J the network\n") {
		t.Errorf("%q", text.String())
	}
	if want := `"key": "builder.network",` + "\n" + `      "what": "bridge lets the build reach\u001b[2J the network"`; !strings.Contains(document.String(), want) {
		t.Errorf("%s", document.String())
	}
}
