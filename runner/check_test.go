package runner

import (
	"strings"
	"testing"
)

func TestCheckScriptsQuoteTheirWords(t *testing.T) {
	if script := checkScript([]string{"a b", "it's", "$x"}); !strings.Contains(script, `'a b' 'it'\''s' '$x' ||`) {
		t.Errorf("got %s", script)
	}
}
