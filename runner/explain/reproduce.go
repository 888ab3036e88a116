package explain

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
func (e *Evidence) reproduce(c bisect.Cause) []string {
	i := slices.IndexFunc(e.Trials, func(t report.Trial) bool { return t.ID == c.Bad[0] })
	return []string{"sh " + report.ShellWord(filepath.ToSlash(filepath.Join(e.Dir, e.Trials[i].Reproduce)))}
}

// Script is a shell script that builds a trial's point again. It has bisect do that, so that files, box,
// limits and stages are the trial's own; what those are stands in it for who has no bisect. Secrets are named
// in it, and no more.
func (e *Evidence) Script(row report.Trial, p bisect.Point) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n")
	e.remark(&b, "Trial %d of %s: %s. It was %s.", row.ID, e.Scenario.Name, e.Space.Words(p), strings.TrimSpace(row.Verdict+" ("+row.Reason+")"))
	e.remark(&b, "This builds it again: the same files, container and stages. It ends with the status of the stage that decides; with 1 where the build is bad\n"+
		"all the same, with 125 where it cannot be judged, with 255 where it could not be built.\n"+
		"   sh reproduce.sh         in a terminal: then a shell in the container, if the build is not good\n"+
		"   sh reproduce.sh shell   a shell in it before the first stage")
	if names := slices.Sorted(maps.Keys(e.Scenario.Builder.Secrets)); len(names) > 0 {
		e.remark(&b, "It needs these secrets, as the scenario says: %s.", strings.Join(names, ", "))
	}
	e.remark(&b, "%s", e.byHand(row, p))
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
`, report.ShellWord(e.Program), row.ID)
	return b.String()
}

// remark writes lines of comment. No character of theirs ends one: what a commit, a level or a build says
// runs nothing.
func (e *Evidence) remark(b *strings.Builder, format string, args ...any) {
	for line := range strings.Lines(e.Secrets.Text(fmt.Sprintf(format, args...))) {
		b.WriteString(strings.TrimRight("# "+report.Clean(strings.TrimRight(line, "\n")), " ") + "\n")
	}
	b.WriteString("#\n")
}

// byHand says what bisect does with a point, as commands of git and docker.
func (e *Evidence) byHand(row report.Trial, p bisect.Point) string {
	space, s := e.Space, e.Scenario
	b := s.Builder
	world := space.World(b, p)
	files := fmt.Sprintf("git -C %s worktree add --detach FOLDER %s", report.ShellWord(space.History.Path), space.History.Commits[p[0]].ID)
	if s.Source.Submodules {
		files += "\n   git -C FOLDER submodule update --init --recursive"
	}
	var env []string
	script := ""
	for _, e := range append(world.Env, "BISECT_TRIAL=by-hand") {
		if strings.Contains(e, "=") {
			env = append(env, "-e "+report.ShellWord(e))
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
		script += "; sh -ec " + report.ShellWord(strings.TrimSpace(world.Prelude+stage.Run)) // each in a shell of its own
	}
	text := "By hand, without bisect, it is about this (bisect gives the files to root, with fixed times):\n   " + files + "\n"
	if e.Local {
		return text + "   and in a copy of FOLDER, with no other variables but PATH, HOME and TMPDIR:\n   env -i PATH=\"$PATH\" " +
			strings.ReplaceAll(strings.Join(env, " "), "-e ", "") + " sh -ec " + report.ShellWord(strings.ReplaceAll(script, "cp -a /files/. .; rm -f .git; ", ""))
	}
	if world.Dockerd != nil {
		text += "   with a docker engine of the build's own beside it, which no command line shows\n"
	}
	run := append([]string{"docker run --rm -it -v \"$PWD/FOLDER:/files:ro\"", "--network " + b.Network, "-u 0 -h bisect -w " + report.ShellWord(b.Workdir)}, dockerLimits(b)...)
	run = append(run, env...)
	return text + "   " + strings.Join(append(run, row.Image+" sh -ec "+report.ShellWord(script)), " \\\n      ")
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
