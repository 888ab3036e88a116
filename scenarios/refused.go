package scenarios

import "fmt"

// What a scenario that nobody has read may ask for in numbers of builds: the defaults, or what is near them.
const (
	mostConfirm = 10
	mostRepeat  = defaultRepeat
	mostCertify = defaultCertifyProbes
)

// Refused lists all that --untrusted refuses, in the order of the file's keys: what [Scenario.Loosened] has,
// and what takes more of the machine that bisect runs on, though no build gets more. Files outside of the
// scenario's repository are not among it: with [OpenUntrusted] they are mistakes.
func (s *Scenario) Refused() []Loosening {
	list := s.Loosened()
	add := func(key, format string, args ...any) {
		list = append(list, Loosening{key, fmt.Sprintf(format, args...), s.lines[key]})
	}
	if s.Dir != "" { // what bisect itself ships was read
		for _, key := range s.compiled {
			add(key, "has this machine's Go compile code that nobody has read, with no limits on what that takes; name a release or a package")
		}
	}
	if s.Confirm > mostConfirm {
		add("confirm", "has each witness built %d times instead of at most %d", s.Confirm, mostConfirm)
	}
	if s.Repeat.Max > mostRepeat {
		add("repeat.max", "has one point built %d times instead of at most %d", s.Repeat.Max, mostRepeat)
	}
	if s.Certify.Probes > mostCertify {
		add("certify.probes", "takes %d builds to prove that there is no other cause instead of at most %d", s.Certify.Probes, mostCertify)
	}
	if s.Certify.Time > defaultCertifyTime {
		add("certify.time", "takes %s to prove that there is no other cause instead of at most %s", s.Certify.Time, defaultCertifyTime)
	}
	return list
}
