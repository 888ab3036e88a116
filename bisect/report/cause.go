package report

// Cause is one minimal failing combination of changes.
type Cause struct {
	Sentence   string    `json:"sentence"`
	Changes    []Change  `json:"changes"`
	Point      Point     `json:"point"`
	Signature  string    `json:"signature"`        // the line that made the trial bad; empty where the exit status did
	Lines      []string  `json:"lines"`            // the lines that matched in its first bad trial
	Repairs    []string  `json:"repairs"`          // each alone makes the build good
	Reproduce  []string  `json:"reproduce"`        // the command line that builds its first bad trial again
	Confirmed  int       `json:"confirmed"`        // trials behind each part of the claim, at least
	Wanted     int       `json:"wanted,omitempty"` // how many were asked for
	Confidence *float64  `json:"confidence"`
	Tally      []Tally   `json:"tally,omitempty"` // where noise was modelled: at Point, then at each step below
	Witnesses  Witnesses `json:"witnesses"`
}

// Change is one axis's part in a cause. Good lists the last good levels (a merge has several), Bad is the
// first bad one.
type Change struct {
	Axis    string    `json:"axis"`
	Good    []*string `json:"good"`
	Bad     *string   `json:"bad"`
	Subject string    `json:"subject,omitempty"` // of the commit
	Author  string    `json:"author,omitempty"`
	Date    string    `json:"date,omitempty"` // RFC 3339
}

// Witnesses are the trials that prove a cause.
type Witnesses struct {
	Bad  []int     `json:"bad"`
	Good []Witness `json:"good"`
}

// Witness is a step down and the trials that show the claim to need it: for a cause good ones at the step or
// above it.
type Witness struct {
	Step   Point `json:"step"` // the axes that moved: one, or more where a point between cannot exist
	Trials []int `json:"trials"`
}

// Tally counts the builds at a point by verdict; those that could not be judged are left out.
type Tally struct {
	Point Point `json:"point"`
	Bad   int   `json:"bad"`
	Good  int   `json:"good"`
}

func (t Tally) builds() int { return t.Bad + t.Good }
