package explain

import (
	"fmt"
	"regexp"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// noNetwork is how programs say that they reach no other machine: the C library, curl, git, ssh, Go, Rust,
// Java, Python, Node, busybox, apt.
var noNetwork = regexp.MustCompile(`(?i)` + strings.Join([]string{
	`(temporary )?failure (in name resolution|resolving)`, `name or service not known`, `no address associated with hostname`, `nodename nor servname`,
	`(could not|couldn't|cannot|can't|unable to|failed to) (resolve|look ?up) (the )?(host|hostname|proxy|address|name|domain|server|['"])`,
	`getaddrinfo`, `\bEAI_AGAIN\b`, `\bENOTFOUND\b`, `\bENETUNREACH\b`, `\bno such host\b`, `dial tcp: lookup`, `\bunknown ?host`, `\bbad address '`, `\bdns error\b`,
	`network is unreachable`, `no route to host`,
}, "|"))

// networkHint says that builds have no network where they have none and one of these trials missed it; else
// "". It follows a sentence.
func (e *Evidence) networkHint(trials ...report.Trial) string {
	if e.Local || e.Scenario.Builder.Network != "none" {
		return ""
	}
	for _, t := range trials {
		if t.Verdict == bisect.Good.String() {
			continue
		}
		for _, line := range append([]string{t.Reason}, strings.Split(t.Tail, "\n")...) {
			if !noNetwork.MatchString(line) {
				continue
			}
			said := ""
			if !strings.Contains(t.Reason, line) {
				said = fmt.Sprintf(" (trial %d says: %s)", t.ID, strings.TrimSpace(line))
			}
			return fmt.Sprintf(" Builds have no network by default%s: if this one needs it, say builder.network: bridge.", said)
		}
	}
	return ""
}
