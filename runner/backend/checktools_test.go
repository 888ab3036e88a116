package backend

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"buildbisect/images"
)

func TestCheckScriptsQuoteTheirWords(t *testing.T) {
	if script := checkScript([]string{"a b", "it's", "$x"}); !strings.Contains(script, `'a b' 'it'\''s' '$x' ||`) {
		t.Errorf("got %s", script)
	}
}

// answers is a box in which a command prints and ends as is said; what is not named never ends.
type answers map[string]string

func (a answers) Put(context.Context, string, io.Reader) error { return nil }
func (a answers) Close() error                                 { return nil }
func (a answers) Exec(ctx context.Context, script string, out io.Writer) (Exit, error) {
	for command, printed := range a {
		if strings.Contains(script, "'"+command+"'") {
			_, err := io.WriteString(out, printed)
			return Exit{}, err
		}
	}
	<-ctx.Done()
	return Exit{}, context.Cause(ctx)
}

func TestAToolThatIsNotWhatItShouldBeIsUntestable(t *testing.T) {
	box := answers{"right": "tool 2.0", "wrong": "tool 1.0"}
	check := func(tool string) images.Check {
		return images.Check{Tool: tool, Version: "2.0", Command: []string{tool}, Want: "2.0"}
	}
	synctest.Test(t, func(t *testing.T) {
		if err := CheckTools(t.Context(), box, []images.Check{check("right")}); err != nil {
			t.Error(err)
		}
		for tool, want := range map[string]string{"wrong": `want "2.0", got (exit 0) "tool 1.0"`, "endless": "`endless` does not end within 1m0s"} {
			err := CheckTools(t.Context(), box, []images.Check{check("right"), check(tool)})
			if u := Untestable(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", tool, err)
			}
		}
		// That the run is ended says nothing of a tool.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := CheckTools(ctx, box, []images.Check{check("endless")}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
