package explain

import (
	"slices"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// unseen names what builds do not see as after a clone, where none of the ends is good: that is a likely
// reason.
func (e *Evidence) unseen(ends ...report.Trial) string {
	for _, end := range ends {
		if end.Verdict == bisect.Good.String() {
			return ""
		}
	}
	things := slices.Concat(e.Unseen, e.SourceWarnings)
	if len(things) == 0 {
		return ""
	}
	return " A likely reason is what builds do not see as after a clone: " + strings.Join(things, "; ") + "."
}
