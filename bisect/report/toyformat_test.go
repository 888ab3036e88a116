package report

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
)

func TestAFormatIsOneFunction(t *testing.T) {
	own := maps.Clone(Formats)
	t.Cleanup(func() { Formats = own })
	Formats["line"] = func(r *Report, w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %d causes\n", r.Outcome, len(r.Causes))
		return err
	}
	var out strings.Builder
	if err := Formats["line"](&Report{Outcome: "isolated", Causes: make([]Cause, 2)}, &out); err != nil || out.String() != "isolated: 2 causes\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
