package catalogue

import "fmt"

// A Source is one way to have a version of a tool: a provider, and what it is told. Each provider has a file
// here. To add one, write a type with these methods that also makes its tool, as images.Maker says, and a
// value that reads it from a scenario, as those that scenarios.providers lists.
type Source interface {
	// Kind names the provider, as in scenario files.
	Kind() string
	// String is for people, and holds no password.
	String() string
	// Check says what about the source could not be meant for t.
	Check(t Toolchain) error
	// Filled is a copy in which fill has put what {version} and the like stand for.
	Filled(fill func(string) string) Source
	// Folder reports whether it can bring a tool that is a whole folder.
	Folder() bool
	// Recipe is what decides the bytes of the tool, to be written as JSON.
	Recipe(how Making) any
}

// Making is what else decides the bytes of a tool, where a provider makes more of it than a copy.
type Making struct {
	Go    string   // what compiles it, like go1.26.8
	Flags []string // for go build

	Exact        []string // digests of Debian packages, sorted
	Trust, Fresh string   // of Debian's suites
	Tree         int      // format of the tool layer of Debian packages
}

func checkSum(sum, of string) error {
	if !isSHA256(sum) {
		return fmt.Errorf("sha256 %q is not 64 hex digits; take it from: sha256sum %s", sum, of)
	}
	return nil
}
