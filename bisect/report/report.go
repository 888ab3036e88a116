// Package report holds the report of a run, the document that others parse, and renders it. Every rendering
// is made from that document alone, as it reads back from JSON: what the document does not hold, no rendering
// can claim.
//
// A report names points by axis keys and level names, never by the numbers package bisect works with. It
// claims nothing without the ids of the trials that witness it.
//
// Another format is one file with a [Format], which [Formats] names.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
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
	MoreCandidates   bool        `json:"more-candidates,omitempty"` // than are listed; the probabilities are among those
	Trials           []Trial     `json:"trials"`
	Probes           int         `json:"probes"` // points tried, repeats apart
	Untested         []Untested  `json:"untested"`
	FailsDifferently []Failure   `json:"fails-differently"`
	Contradictions   []Conflict  `json:"contradictions,omitempty"`
	Assumes          []string    `json:"assumes"`
	Notes            []string    `json:"notes,omitempty"` // what the reader should know of how it was found

	Loosened []Loosening `json:"loosened,omitempty"` // what the scenario let builds do beyond the default

	// Repair says that the old end is bad and the new one good. Such a search finds Repairs, and Causes is
	// empty.
	Repair  bool     `json:"repair,omitempty"`
	Repairs []Repair `json:"repairs,omitempty"`
	Terms   *Terms   `json:"terms,omitempty"`

	NotMonotone []string     `json:"not-monotone,omitempty"` // keys of the axes on which a move toward the new end undid an earlier one
	Transitions []Transition `json:"transitions,omitempty"`
	Walked      bool         `json:"walked,omitempty"` // every level was tried, so there are no other transitions

	Noise     *Noise `json:"noise,omitempty"`
	Stopped   string `json:"stopped,omitempty"`   // the budget that ended the search: max-trials, max-time or another
	Parts     []Part `json:"parts,omitempty"`     // what the builder images were made of
	Cancelled int    `json:"cancelled,omitempty"` // builds given up because their answer was implied; they are not in Trials
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

	Reproduce string `json:"reproduce,omitempty"` // a script that builds it again, relative to the run's folder

	// StandsFor lists other points whose tree and image are the same, so that they were not built again.
	StandsFor []Point `json:"stands-for,omitempty"`
}

// JSON writes the report as one indented document. What a terminal would obey or reorder in the text of a
// build is written as an escape: it reads back as it was.
func (r *Report) JSON(w io.Writer) error {
	if err := WriteJSON(w, r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// readBack is the report as its document says it.
func (r *Report) readBack() (*Report, error) {
	var document bytes.Buffer
	if err := r.JSON(&document); err != nil {
		return nil, err
	}
	var read Report
	if err := json.Unmarshal(document.Bytes(), &read); err != nil {
		return nil, fmt.Errorf("report: read its own document: %w", err)
	}
	return &read, nil
}

// WriteJSON writes v as JSON writes a report.
func WriteJSON(w io.Writer, v any) error {
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	var safe bytes.Buffer
	for _, c := range plain.String() {
		if c != '\n' && Hostile(c) {
			for _, half := range utf16.AppendRune(nil, c) {
				fmt.Fprintf(&safe, "\\u%04x", half)
			}
		} else {
			safe.WriteRune(c)
		}
	}
	_, err := safe.WriteTo(w)
	return err
}
