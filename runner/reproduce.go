package runner

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/scenarios"
)

// reproduce gives the command line that builds a cause's point again by hand.
func (r *Run) reproduce(c bisect.Cause) []string {
	return []string{"sh " + quote(filepath.ToSlash(filepath.Join(r.State.Dir, scriptPath(c.Bad[0]))))}
}

// script is a shell script that builds a trial's point again. It has bisect do that, so that files, box, limits and stages are the
// trial's own; what those are stands in it for who has no bisect. Secrets are named in it, and no more.
func (r *Run) script(row report.Trial, p bisect.Point) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n")
	r.remark(&b, "Trial %d of %s: %s. It was %s.", row.ID, r.Lab.Scenario.Name, r.Lab.Space.Words(p), strings.TrimSpace(row.Verdict+" ("+row.Reason+")"))
	r.remark(&b, "This builds it again: the same files, container and stages. It ends with the status of the stage that decides; with 1 where the build is bad\n"+
		"all the same, with 125 where it cannot be judged, with 255 where it could not be built.\n"+
		"   sh reproduce.sh         in a terminal: then a shell in the container, if the build is not good\n"+
		"   sh reproduce.sh shell   a shell in it before the first stage")
	if names := slices.Sorted(maps.Keys(r.Lab.Scenario.Builder.Secrets)); len(names) > 0 {
		r.remark(&b, "It needs these secrets, as the scenario says: %s.", strings.Join(names, ", "))
	}
	r.remark(&b, "%s", r.byHand(row, p))
	fmt.Fprintf(&b, `set -u
run=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 255
bisect=${BISECT:-}
[ -n "$bisect" ] || { bisect=%s; [ -x "$bisect" ] || bisect=$(command -v bisect) || bisect=; }
[ -n "$bisect" ] || { echo "reproduce.sh: there is no bisect here: name it in BISECT, or do by hand what the remarks in $0 say" >&2; exit 255; }
case ${1-} in
'') if [ -t 0 ] && [ -t 1 ]; then set -- --shell=after; else set --; fi ;;
shell) set -- --shell=first ;;
*) echo "usage: sh $0 [shell]" >&2; exit 255 ;;
esac
exec "$bisect" probe --trial %d "$@" "$run"
`, quote(r.Program), row.ID)
	return b.String()
}

// remark writes lines of comment. No character of theirs ends one: what a commit, a level or a build says runs nothing.
func (r *Run) remark(b *strings.Builder, format string, args ...any) {
	for line := range strings.Lines(r.Lab.Secrets.Text(fmt.Sprintf(format, args...))) {
		b.WriteString(strings.TrimRight("# "+report.Clean(strings.TrimRight(line, "\n")), " ") + "\n")
	}
	b.WriteString("#\n")
}

// byHand says what bisect does with a point, as commands of git and docker.
func (r *Run) byHand(row report.Trial, p bisect.Point) string {
	space, s := r.Lab.Space, r.Lab.Scenario
	b := s.Builder
	files := fmt.Sprintf("git -C %s worktree add --detach FOLDER %s", quote(space.History.Path), space.History.Commits[p[0]].ID)
	if s.Source.Submodules {
		files += "\n   git -C FOLDER submodule update --init --recursive"
	}
	var env []string
	script := ""
	for _, e := range append(space.env(b, p), "BISECT_TRIAL=by-hand") {
		if strings.Contains(e, "=") {
			env = append(env, "-e "+quote(e))
		} else {
			script += "unset " + e + "; "
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Secrets)) {
		env = append(env, "-e "+name) // its value is the reader's own
	}
	script += "cp -a /files/. .; rm -f .git"
	if s.Source.Git {
		script = strings.TrimSuffix(script, "; rm -f .git")
	}
	for _, stage := range s.Stages[:s.Verdict.Stage+1] {
		script += "; sh -ec " + quote(strings.TrimSpace(space.prelude(p)+stage.Run)) // each in a shell of its own
	}
	text := "By hand, without bisect, it is about this (bisect gives the files to root, with fixed times):\n   " + files + "\n"
	if _, local := r.Lab.Engine.(Machine); local {
		return text + "   and in a copy of FOLDER, with no other variables but PATH, HOME and TMPDIR:\n   env -i PATH=\"$PATH\" " +
			strings.ReplaceAll(strings.Join(env, " "), "-e ", "") + " sh -ec " + quote(strings.ReplaceAll(script, "cp -a /files/. .; rm -f .git; ", ""))
	}
	if _, ok := space.engine(b, p); ok {
		text += "   with a docker engine of the build's own beside it, which no command line shows\n"
	}
	run := append([]string{"docker run --rm -it -v \"$PWD/FOLDER:/files:ro\"", "--network " + b.Network, "-u 0 -h bisect -w " + quote(b.Workdir)}, dockerLimits(b)...)
	run = append(run, env...)
	return text + "   " + strings.Join(append(run, row.Image+" sh -ec "+quote(script)), " \\\n      ")
}

// dockerLimits are the options of docker run for what a build may do.
func dockerLimits(b scenarios.Builder) []string {
	var options []string
	if b.Engine == scenarios.EngineHost {
		options = append(options, "-v /var/run/docker.sock:/var/run/docker.sock")
	}
	if cpus := b.Resources.CPUs; cpus > 0 {
		options = append(options, "--cpus "+strconv.FormatFloat(cpus, 'g', -1, 64))
	}
	if memory := b.Resources.Memory; memory > 0 { // a share of this engine's means nothing elsewhere
		options = append(options, fmt.Sprintf("--memory %d --memory-swap %[1]d", memory))
	}
	if pids := b.Resources.PIDs; pids > 0 {
		options = append(options, fmt.Sprintf("--pids-limit %d", pids))
	}
	options = append(options, "--security-opt no-new-privileges --cap-drop ALL")
	for _, name := range append(scenarios.DefaultCapabilities(), b.Capabilities...) {
		options = append(options, "--cap-add "+name)
	}
	return options
}

// quote quotes a word for a POSIX shell.
func quote(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r))
	}) < 0
	if plain && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
