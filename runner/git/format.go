package git

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"buildbisect/runner/git/gittext"
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
func readFormat(at Place, env Environment) (format, error) {
	own, err := gittext.ReadConfig(filepath.Join(at.CommonDir, "config"), false)
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
		case s.Section == "extensions" && s.Key == "partialclone":
			f.partial, f.remote = true, s.Value
		case s.Section == "remote" && s.Key == "promisor" && s.On():
			f.partial, f.remote = true, s.Sub
		case s.Section == "remote" && s.Key == "url" && (f.url == "" || s.Sub == "origin"):
			f.url = s.Value
			if !f.partial {
				f.remote = s.Sub
			}
		}
	}
	if s, set := all.Last("core", "bare"); set {
		f.bare = s.On()
	}
	if s, set := all.Last("core", "usereplacerefs"); set {
		f.raw = !s.On()
	}
	if s, set := all.Last("core", "commitgraph"); set {
		f.noGraph = !s.On()
	}
	if s, set := all.Last("core", "filemode"); set {
		f.noModes = !s.On()
	}
	if s, set := all.Last("core", "worktree"); set && s.Value != "" {
		f.workTree = physical(gittext.Under(at.GitDir, s.Value))
	}
	return f, nil
}

// checkFormat looks at what makes git itself refuse a repository that it does not understand.
func checkFormat(at Place, own gittext.Settings) error {
	version := 0
	if s, set := own.Last("core", "repositoryformatversion"); set {
		var err error
		if version, err = strconv.Atoi(s.Value); err != nil || version < 0 || version > 1 {
			return unreadable(fmt.Sprintf("its core.repositoryformatversion is %q, and only 0 and 1", gittext.Printable(s.Value)), at.copyTo("copy"), copyCommand(at))
		}
	}
	for _, s := range own {
		if s.Section != "extensions" || s.Sub != "" {
			continue
		}
		switch {
		case s.Key == "objectformat":
			if !strings.EqualFold(s.Value, "sha1") {
				return unreadable(fmt.Sprintf("its ids are %s, and only sha1", gittext.Printable(s.Value)), at.copyTo("sha1"), sha1Command(at))
			}
		case s.Key == "refstorage":
			if !strings.EqualFold(s.Value, "files") {
				return &NotRepositoryError{
					Why:     fmt.Sprintf("its refs are stored as %s, and only files can be read yet", gittext.Printable(s.Value)),
					Command: fmt.Sprintf("git -C %s refs migrate --ref-format=files", gittext.Quoted(at.top())),
				}
			}
		case version == 1 && !slices.Contains(harmless, s.Key):
			return unreadable(fmt.Sprintf("it has the extension %s, and only %s", gittext.Printable(s.Key), strings.Join(harmless, ", ")), at.copyTo("copy"), copyCommand(at))
		}
	}
	return nil
}

// unreadable is a repository that git can copy into one that can be read.
func unreadable(why, to, command string) error {
	return &NotRepositoryError{Why: fmt.Sprintf("%s can be read yet; make a copy, and name that with `source: {repo: %s}`", why, to), Command: command}
}

// copyCommand copies a repository with whatever git can read it.
func copyCommand(at Place) string {
	return fmt.Sprintf("git clone --mirror %s %s", gittext.Quoted(at.top()), gittext.Quoted(at.copyTo("copy")))
}

// sha1Command writes a repository's history anew under sha1 ids.
func sha1Command(at Place) string {
	to, branch := gittext.Quoted(at.copyTo("sha1")), ""
	if head := looseRef(at.GitDir, "HEAD", "HEAD"); head != nil && head.Target().IsBranch() {
		branch = "-b " + gittext.Quoted(head.Target().Short()) + " "
	}
	return fmt.Sprintf("git init --bare --object-format=sha1 %s%s && git -C %s fast-export --all --signed-tags=strip --reencode=no | git -C %s fast-import --quiet", branch, to, gittext.Quoted(at.top()), to)
}

// copyTo is a folder next to the repository for a copy of it.
func (at Place) copyTo(kind string) string {
	return strings.TrimSuffix(at.top(), ".git") + "." + kind + ".git"
}

// readAllSettings reads what git reads: the machine's configuration, the user's, the repository's, the work
// tree's, the environment's. The first two may be missing or unreadable: they are not the repository's.
func readAllSettings(at Place, own gittext.Settings, env Environment) (gittext.Settings, error) {
	var all gittext.Settings
	for _, file := range outerConfigs(env) {
		if outer, err := gittext.ReadConfig(file, true); err == nil {
			all = append(all, outer...)
		}
	}
	inner, err := gittext.ReadConfig(filepath.Join(at.CommonDir, "config"), true)
	if err != nil {
		return nil, err
	}
	all = append(all, inner...)
	if s, set := own.Last("extensions", "worktreeconfig"); set && s.On() {
		work, err := gittext.ReadConfig(filepath.Join(at.GitDir, "config.worktree"), true)
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
	if off, _ := env("GIT_CONFIG_NOSYSTEM"); !(gittext.Setting{Value: off}).On() {
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
func givenSettings(env Environment) gittext.Settings {
	var all gittext.Settings
	count, _ := strconv.Atoi(env.get("GIT_CONFIG_COUNT"))
	for i := range min(count, 1000) {
		name := strings.Split(env.get(fmt.Sprint("GIT_CONFIG_KEY_", i)), ".")
		value, set := env(fmt.Sprint("GIT_CONFIG_VALUE_", i))
		if len(name) < 2 || !set {
			continue
		}
		all = append(all, gittext.Setting{
			Section: strings.ToLower(name[0]),
			Sub:     strings.Join(name[1:len(name)-1], "."),
			Key:     strings.ToLower(name[len(name)-1]),
			Value:   value,
		})
	}
	return all
}
