package explain

import (
	"buildbisect/bisect/report"
	"buildbisect/scenarios"
)

// Loosened is what a scenario lets builds do beyond the default, as plans and reports have it.
func Loosened(s *scenarios.Scenario) []report.Loosening {
	var all []report.Loosening
	for _, l := range s.Loosened() {
		all = append(all, report.Loosening{Key: l.Key, What: l.What})
	}
	return all
}
