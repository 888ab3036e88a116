package scenarios

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"buildbisect/scenarios/document"
)

// Secret says where the value of a variable is had from that must be in no journal, log or report. One of
// both is set.
type Secret struct {
	FromEnv  string // a variable of whoever calls bisect
	FromFile string // relative to the scenario's folder; one line feed at its end is cut
}

const (
	// leastSecret is how many bytes a secret has at the least: hiding each "yes" of a log would leave no log.
	leastSecret = 4
	// mostSecret is far below the 128 KiB that Linux takes in one variable, its name included.
	mostSecret = 64 << 10
)

// ours are the variables that bisect sets itself.
var ours = regexp.MustCompile(`^(BISECT_|GIT_CONFIG_)`)

// readSecrets reads where secrets are had from, and says in which line each stands. They are not looked at: a
// scenario is valid on a machine that has none of them.
func readSecrets(p document.Place, env map[string]int, s *Scenario) (map[string]Secret, map[string]int) {
	secrets, lines := map[string]Secret{}, map[string]int{}
	pairs, _ := p.Pairs("a mapping from variables to where their values are had from")
	for _, entry := range pairs {
		m := entry.Value.Mapping("secret")
		switch {
		case !envName.MatchString(entry.Name):
			entry.Key.Mistake("want %s", envNameWant)
			continue
		case ours.MatchString(entry.Name):
			entry.Key.Mistake("bisect sets variables of such names itself; choose another")
		case env[entry.Name] > 0:
			entry.Key.Mistake("%s is both constant, in line %d, and secret here; choose one", entry.Name, env[entry.Name])
		}
		lines[entry.Name] = entry.Key.Node.Line
		s.remember(entry.Key)
		var secret Secret
		secret.FromEnv, _ = m.At("from-env").Match(envName, envNameWant)
		secret.FromFile, _ = m.At("from-file").Line()
		switch {
		case m == nil:
		case m.Has("from-env") && m.Has("from-file"):
			m.At("from-file").Mistake("from-env is named too; a secret is had from one of them")
		case !m.Has("from-env") && !m.Has("from-file"):
			m.Place.Mistake("want from-env or from-file")
		case m.Has("from-file") && s.Dir == "":
			m.At("from-file").Mistake("a shipped scenario has no folder on this machine, so it cannot name a file of it")
		}
		secrets[entry.Name] = secret
	}
	return secrets, lines
}

// ReadSecrets has the values of the builder's secrets, by variable. All that cannot be had are named in one
// error, which holds no value. lookup is [os.LookupEnv] or the like.
func (s *Scenario) ReadSecrets(lookup func(name string) (string, bool)) (map[string]string, error) {
	values := map[string]string{}
	var errs []error
	for _, name := range sortedNames(s.Builder.Secrets) {
		value, err := s.readSecret(s.Builder.Secrets[name], lookup)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: builder.secrets.%s: %w", s.File, s.lines[document.PathBelow("builder.secrets", name)], name, err))
		}
		values[name] = value
	}
	return values, errors.Join(errs...)
}

func (s *Scenario) readSecret(secret Secret, lookup func(string) (string, bool)) (value string, err error) {
	from := secret.FromEnv
	if from != "" {
		set := false
		if value, set = lookup(from); !set {
			return "", fmt.Errorf("%s is not set here; export it, or have the value from a file with from-file", from)
		}
	} else {
		from = secret.FromFile
		if value, err = s.secretFile(from); err != nil {
			return "", fmt.Errorf("%s: %w; write the value there, or have it from a variable with from-env", from, plainly(err))
		}
	}
	switch {
	case len(value) < leastSecret:
		return "", fmt.Errorf("%s has %d bytes; want at least %d: so short a value cannot be hidden without destroying the log", from, len(value), leastSecret)
	case len(value) > mostSecret:
		return "", fmt.Errorf("%s has more than %d bytes, which are too many for a variable", from, mostSecret)
	case strings.ContainsRune(value, 0):
		return "", fmt.Errorf("%s holds a NUL character, which no variable can", from)
	}
	return value, nil
}

// openSecret opens a file of the scenario's folder and no other, trusted or not: who writes a scenario may
// not choose among the files of whoever runs it.
func (s *Scenario) openSecret(name string) (*os.File, error) {
	at := name
	if !filepath.IsAbs(at) {
		at = filepath.Join(s.Dir, filepath.FromSlash(name))
	}
	if info, err := os.Stat(at); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	f, err := openWithin(s.Dir, at)
	if errors.Is(err, errOutside) {
		return nil, fmt.Errorf("leads out of the scenario's folder, %s, and a secret is had from a file in it alone", s.Dir)
	}
	return f, err
}

func (s *Scenario) secretFile(name string) (string, error) {
	f, err := s.openSecret(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostSecret+3)) // too many, and a line's end
	value, _ := strings.CutSuffix(string(data), "\n")
	value, _ = strings.CutSuffix(value, "\r")
	return value, err
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
