package git

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// format is what the configuration says about how to read a repository.
type format struct {
	partial  bool   // a partial clone
	remote   string // to fetch what is missing from, or ""
	url      string // of the remote origin, or else of the first
	bare     bool   // core.bare
	raw      bool   // replacement refs do not count
	workTree string // core.worktree, "" for none
	noGraph  bool   // core.commitGraph is off
	noModes  bool   // core.fileMode is off: its file system does not keep the executable bit
}

// harmless are the extensions that change nothing for one who only reads.
var harmless = []string{"noop", "noop-v1", "preciousobjects", "partialclone", "worktreeconfig", "relativeworktrees"}

// readFormat refuses what this package would misread, and nothing else. go-git's own check is not used: it
// refuses partial clones and work trees with a config of their own, which are as readable as any.
func readFormat(at place, env Environment) (format, error) {
	own, err := readSettings(filepath.Join(at.commonDir, "config"), false)
	if err != nil {
		return format{}, err
	}
	if err := checkFormat(at, own); err != nil {
		return format{}, err
	}
	all, err := readAllSettings(at, own, env)
	if err != nil {
		return format{}, err
	}
	var f format
	for _, s := range all {
		switch {
		case s.section == "extensions" && s.key == "partialclone":
			f.partial, f.remote = true, s.value
		case s.section == "remote" && s.key == "promisor" && s.on():
			f.partial, f.remote = true, s.sub
		case s.section == "remote" && s.key == "url" && (f.url == "" || s.sub == "origin"):
			f.url = s.value
			if !f.partial {
				f.remote = s.sub
			}
		}
	}
	if s, set := all.last("core", "bare"); set {
		f.bare = s.on()
	}
	if s, set := all.last("core", "usereplacerefs"); set {
		f.raw = !s.on()
	}
	if s, set := all.last("core", "commitgraph"); set {
		f.noGraph = !s.on()
	}
	if s, set := all.last("core", "filemode"); set {
		f.noModes = !s.on()
	}
	if s, set := all.last("core", "worktree"); set && s.value != "" {
		f.workTree = physical(under(at.gitDir, s.value))
	}
	return f, nil
}

// checkFormat looks at what makes git itself refuse a repository that it does not understand.
func checkFormat(at place, own settings) error {
	version := 0
	if s, set := own.last("core", "repositoryformatversion"); set {
		var err error
		if version, err = strconv.Atoi(s.value); err != nil || version < 0 || version > 1 {
			return unreadable(fmt.Sprintf("its core.repositoryformatversion is %q, and only 0 and 1", printable(s.value)), at.copyTo("copy"), copyCommand(at))
		}
	}
	for _, s := range own {
		if s.section != "extensions" || s.sub != "" {
			continue
		}
		switch {
		case s.key == "objectformat":
			if !strings.EqualFold(s.value, "sha1") {
				return unreadable(fmt.Sprintf("its ids are %s, and only sha1", printable(s.value)), at.copyTo("sha1"), sha1Command(at))
			}
		case s.key == "refstorage":
			if !strings.EqualFold(s.value, "files") {
				return &NotRepositoryError{
					Why:     fmt.Sprintf("its refs are stored as %s, and only files can be read yet", printable(s.value)),
					Command: fmt.Sprintf("git -C %s refs migrate --ref-format=files", quoted(at.top())),
				}
			}
		case version == 1 && !slices.Contains(harmless, s.key):
			return unreadable(fmt.Sprintf("it has the extension %s, and only %s", printable(s.key), strings.Join(harmless, ", ")), at.copyTo("copy"), copyCommand(at))
		}
	}
	return nil
}

// unreadable is a repository that git can copy into one that can be read.
func unreadable(why, to, command string) error {
	return &NotRepositoryError{Why: fmt.Sprintf("%s can be read yet; make a copy, and name that with `source: {repo: %s}`", why, to), Command: command}
}

// copyCommand copies a repository with whatever git can read it.
func copyCommand(at place) string {
	return fmt.Sprintf("git clone --mirror %s %s", quoted(at.top()), quoted(at.copyTo("copy")))
}

// sha1Command writes a repository's history anew under sha1 ids.
func sha1Command(at place) string {
	to, branch := quoted(at.copyTo("sha1")), ""
	if head := looseRef(at.gitDir, "HEAD", "HEAD"); head != nil && head.Target().IsBranch() {
		branch = "-b " + quoted(head.Target().Short()) + " "
	}
	return fmt.Sprintf("git init --bare --object-format=sha1 %s%s && git -C %s fast-export --all --signed-tags=strip --reencode=no | git -C %s fast-import --quiet", branch, to, quoted(at.top()), to)
}

// copyTo is a folder next to the repository for a copy of it.
func (at place) copyTo(kind string) string {
	return strings.TrimSuffix(at.top(), ".git") + "." + kind + ".git"
}

// readAllSettings reads what git reads: the machine's configuration, the user's, the repository's, the work
// tree's, the environment's. The first two may be missing or unreadable: they are not the repository's.
func readAllSettings(at place, own settings, env Environment) (settings, error) {
	var all settings
	for _, file := range outerConfigs(env) {
		if outer, err := readSettings(file, true); err == nil {
			all = append(all, outer...)
		}
	}
	inner, err := readSettings(filepath.Join(at.commonDir, "config"), true)
	if err != nil {
		return nil, err
	}
	all = append(all, inner...)
	if s, set := own.last("extensions", "worktreeconfig"); set && s.on() {
		work, err := readSettings(filepath.Join(at.gitDir, "config.worktree"), true)
		if err != nil {
			return nil, err
		}
		all = append(all, work...)
	}
	return append(all, givenSettings(env)...), nil
}

// outerConfigs are the configuration files outside of the repository, those that count most last.
func outerConfigs(env Environment) []string {
	var files []string
	if off, _ := env("GIT_CONFIG_NOSYSTEM"); !(setting{value: off}).on() {
		system := env.get("GIT_CONFIG_SYSTEM")
		if system == "" {
			system = "/etc/gitconfig"
		}
		files = append(files, system)
	}
	if global, set := env("GIT_CONFIG_GLOBAL"); set {
		return append(files, global)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return files
	}
	xdg := env.get("XDG_CONFIG_HOME")
	if xdg == "" {
		xdg = filepath.Join(home, ".config")
	}
	return append(files, filepath.Join(xdg, "git", "config"), filepath.Join(home, ".gitconfig"))
}

// givenSettings are those of GIT_CONFIG_COUNT.
func givenSettings(env Environment) settings {
	var all settings
	count, _ := strconv.Atoi(env.get("GIT_CONFIG_COUNT"))
	for i := range min(count, 1000) {
		name := strings.Split(env.get(fmt.Sprint("GIT_CONFIG_KEY_", i)), ".")
		value, set := env(fmt.Sprint("GIT_CONFIG_VALUE_", i))
		if len(name) < 2 || !set {
			continue
		}
		all = append(all, setting{
			section: strings.ToLower(name[0]),
			sub:     strings.Join(name[1:len(name)-1], "."),
			key:     strings.ToLower(name[len(name)-1]),
			value:   value,
		})
	}
	return all
}
