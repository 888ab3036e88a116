// Package report holds the report of a run, the document that others parse, and renders it. Every rendering comes from the
// same value, so none can claim what another does not.
//
// A report names points by axis keys and level names, never by the numbers package bisect works with. It claims nothing
// without the ids of the trials that witness it.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Version of the JSON document.
const Version = 1

// Report is the finding of one run and the evidence for it.
type Report struct {
	Version          int         `json:"version"`
	Scenario         string      `json:"scenario"`
	Run              string      `json:"run"`
	Outcome          string      `json:"outcome"` // isolated, inconclusive, not-bracketed, inconsistent or no-culprit
	Summary          string      `json:"summary"` // one sentence a person can act on
	Complete         bool        `json:"complete"`
	Causes           []Cause     `json:"causes"`
	Candidates       []Candidate `json:"candidates"`
	Trials           []Trial     `json:"trials"`
	Probes           int         `json:"probes"` // points tried, repeats apart
	Untested         []Untested  `json:"untested"`
	FailsDifferently []Failure   `json:"fails-differently"`
	Contradictions   []Conflict  `json:"contradictions,omitempty"`
	Assumes          []string    `json:"assumes"`
	Notes            []string    `json:"notes,omitempty"` // what the reader should know of how it was found
}

// Point names a level on each axis by the axis's key; nil is the null level.
type Point map[string]*string

// Cause is one minimal failing combination of changes.
type Cause struct {
	Sentence   string    `json:"sentence"`
	Changes    []Change  `json:"changes"`
	Point      Point     `json:"point"`
	Signature  string    `json:"signature"` // the line that made the trial bad; empty where the exit status did
	Lines      []string  `json:"lines"`     // the lines that matched in its first bad trial
	Repairs    []string  `json:"repairs"`   // each alone makes the build good
	Reproduce  []string  `json:"reproduce"` // command lines
	Confirmed  int       `json:"confirmed"` // trials behind each part of the claim, at least
	Wanted     int       `json:"-"`         // how many were wanted
	Confidence *float64  `json:"confidence"`
	Witnesses  Witnesses `json:"witnesses"`
}

// Change is one axis's part in a cause. Good lists the last good levels (a merge has several), Bad is the first bad one.
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

// Witness is a step down and the good trials at or above it.
type Witness struct {
	Step   Point `json:"step"` // the one axis that moved
	Trials []int `json:"trials"`
}

// Candidate is a point that skips left undecided.
type Candidate struct {
	Point       Point   `json:"point"`
	Probability float64 `json:"probability"`
}

// Trial is one build.
type Trial struct {
	ID      int     `json:"id"`
	Point   Point   `json:"point"`
	Verdict string  `json:"verdict"`
	Class   string  `json:"class"` // other: it failed without the signature
	Why     string  `json:"why"`
	Reason  string  `json:"reason,omitempty"` // in a few words, why this verdict
	Stage   string  `json:"stage"`
	Exit    int     `json:"exit"`
	Seconds float64 `json:"seconds"` // of the stages
	Wall    float64 `json:"wall"`    // seconds, the trial with its overhead
	Image   string  `json:"image"`
	Tree    string  `json:"tree"`
	Log     string  `json:"log"`            // relative to the run's folder
	Tail    string  `json:"tail,omitempty"` // the end of the log

	// StandsFor lists other points whose tree and image are the same, so that they were not built again.
	StandsFor []Point `json:"stands-for,omitempty"`
}

// Untested is a point that keeps the certificate from being complete.
type Untested struct {
	Point Point  `json:"point"`
	Why   string `json:"why"`
	Cost  int    `json:"cost"`
}

// Failure is a trial that failed without the scenario's signature.
type Failure struct {
	Trial int    `json:"trial"`
	Point Point  `json:"point"`
	Line  string `json:"line"` // normalized
}

// Conflict is a bad trial with a good one at or above it.
type Conflict struct {
	Bad  int `json:"bad"`
	Good int `json:"good"`
}

// JSON writes the report as one indented document. What a terminal would obey or reorder in the text of a build is written
// as an escape: it reads back as it was.
func (r *Report) JSON(w io.Writer) error {
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var safe bytes.Buffer
	for _, c := range plain.String() {
		if c != '\n' && hostile(c) {
			fmt.Fprintf(&safe, "\\u%04x", c)
		} else {
			safe.WriteRune(c)
		}
	}
	_, err := safe.WriteTo(w)
	return err
}
