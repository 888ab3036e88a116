package unpack

// Name returns a member's name without its dots, or an error if it leads out of its archive or cannot be a
// name: for those who read a tar as it comes, and leave out what is hostile instead of refusing all of it.
func Name(name string) (string, error) { return clean(name) }

// StaysWithin checks that a symbolic link does not lead out of the folder in which its own name, a clean one,
// is given. It holds as long as no part of that name but the last is itself a link.
func StaysWithin(name, target string) error { return staysWithin(name, target) }
