package report

// Loosening is something that builds could do beyond the default, since the scenario asked for it.
type Loosening struct {
	Key  string `json:"key"`  // of the scenario file, such as builder.network
	What string `json:"what"` // what it lets a build do, in words that follow the key
}

func (l Loosening) String() string { return l.Key + ": " + l.What }
