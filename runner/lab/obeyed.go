package lab

import (
	"path"
	"slices"
	"strings"
)

// What a build leaves behind is looked at on the user's machine: by a shell that goes to the folder and shows
// a branch in its prompt, by a file manager, by an editor that opens it, by a tool that is started there.
// Some names are obeyed then, before anybody has read what stands in them. Such a file or folder is left out
// of the artifacts, under every spelling that some file system takes for the same.

// obeyed says who obeys a name, in lower case.
var obeyed = byNames(map[string][]string{
	// Each has settings that name programs, as core.fsmonitor does, which a mere status runs; so do prompts
	// and editors.
	"version control": {".git", ".hg", ".sl", ".svn", ".bzr", ".jj", ".pijul", "_darcs", ".fslckout", "_fossil_"},
	// Read when a shell enters the folder. Some ask first, and the answer may have been given to another file
	// of the name.
	"the shell": {".envrc", ".env", ".autoenv", ".autoenv.zsh", ".mise", ".mise.toml", "mise.toml", ".tool-versions"},
	// Tasks, extensions and variables of a folder that is opened; local settings that are code.
	"an editor": {
		".vscode", ".idea", ".vs", ".fleet", ".zed", ".nova", ".devcontainer", ".devcontainer.json", ".cursor", ".claude", ".mcp.json",
		".exrc", "_exrc", ".vimrc", "_vimrc", ".gvimrc", ".lvimrc", ".nvimrc", ".nvim.lua", ".dir-locals.el", ".dir-locals-2.el",
	},
	// Icons, launchers and shares of other machines, to which a login is sent as soon as the folder is shown.
	"a file manager": {"desktop.ini", ".directory", ".ds_store", "thumbs.db", "autorun", "autorun.sh", ".autorun", "autorun.inf", "autoopen", ".autoopen", ".xdg-volume-info"},
	// Read from the folder in which it is started, and code, or a path to code.
	"the program that it is for": {
		".gdbinit", ".lldbinit", ".pdbrc", ".rprofile", ".renviron", ".rdata", ".octaverc", ".ghci", ".ocamlinit", ".irbrc", ".pryrc", ".npmrc", ".yarnrc", ".yarnrc.yml",
		".pnp.cjs", ".pnp.loader.mjs", ".cargo", ".mvn", ".bundle", ".bazelrc", ".ctags", ".ctags.d",
	},
})

// obeyedEnds are ends of names that are obeyed whatever comes before.
var obeyedEnds = byNames(map[string][]string{
	"an editor":      {".code-workspace", ".sublime-workspace"},
	"a file manager": {".desktop", ".lnk", ".url", ".scf", ".library-ms", ".search-ms", ".searchconnector-ms", ".webloc"},
})

func byNames(lists map[string][]string) map[string]string {
	who := map[string]string{}
	for by, names := range lists {
		for _, name := range names {
			who[name] = by
		}
	}
	return who
}

// obeyedError says that a name is obeyed by a tool of the host, with all that is below it.
type obeyedError struct{ name, by string }

func (e *obeyedError) Error() string { return e.by + " would obey it on this machine" }

// refuseObeyed returns an error if a part of a name is obeyed.
func refuseObeyed(name string) error {
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		at = path.Join(at, part)
		for _, spelled := range takenFor(part) {
			by := obeyed[spelled]
			if by == "" {
				by = obeyedEnds[path.Ext(spelled)]
			}
			if by != "" {
				return &obeyedError{at, by}
			}
		}
	}
	return nil
}

// takenFor are the names that some file system takes part for: in any case; without the characters that HFS+
// ignores; without dots and blanks at its end, or what follows a colon, as NTFS has it, and the short form of
// .git there. Git guards its own name the same way.
func takenFor(part string) []string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, strings.ToLower(part))
	var all []string
	for sub := range strings.SplitSeq(plain, `\`) { // a folder, to Windows
		stream, _, _ := strings.Cut(sub, ":")
		all = append(all, sub, strings.TrimRight(stream, " ."))
	}
	if slices.ContainsFunc(all, func(s string) bool { return s == "git~1" }) {
		all = append(all, ".git")
	}
	return all
}

// headFile is the file without which a folder is no repository to git.
const headFile = "head"

// bareRepository reports whether git takes a folder that has these names for a repository, whose settings it
// obeys: unless a user has set safe.bareRepository, any folder will do.
func bareRepository(names []string) bool {
	has := map[string]bool{}
	for _, n := range names {
		has[strings.ToLower(n)] = true
	}
	return has[headFile] && (has["commondir"] || has["objects"] && has["refs"])
}
