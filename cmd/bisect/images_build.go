package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/urfave/cli/v2"

	"buildbisect/cmd/bisect/screen"
	"buildbisect/images"
	"buildbisect/images/cache"
)

type imagesBuildOptions struct {
	scenario string
	parts    parts
	push     string   // repository, perhaps with a tag; "": nothing is pushed
	at       []string // AXIS=LEVEL; nil: all points
	json     bool

	untrusted bool
}

// buildReport is what `bisect images build --json` prints.
type buildReport struct {
	Scenario string        `json:"scenario"`
	Parts    []builtPart   `json:"parts"`
	Size     int64         `json:"size"` // bytes of all parts
	Seconds  float64       `json:"seconds"`
	Drift    []string      `json:"drift"` // in what they are not as the lock says
	Pushed   []pushedImage `json:"pushed"`
}

type pushedImage struct {
	Ref string `json:"ref"` // with tag and digest
	Of  string `json:"of"`  // its base and tools, in words
}

type builtPart struct {
	cache.Stocked
	New bool `json:"new"` // made now; else it was in the cache
}

func (c command) imagesBuildCommand() *cli.Command {
	return &cli.Command{
		Name:      "build",
		Usage:     "make every base, tool and engine that a scenario names; with --push, push its builder images to a registry",
		ArgsUsage: "[SCENARIO]",
		Description: "What is made stays in the cache, where run finds it. Builder images are put together of it in a moment, when they are needed.\n" +
			"--push sends them to REPOSITORY, each tagged after what it is made of, with the credentials that docker login left.",
		Flags: append(partsFlags(),
			&cli.StringFlag{Name: "push", Usage: "push to `REPOSITORY`, as in registry.example/team/builder; with a tag, if it is one image"},
			&cli.GenericFlag{Name: "at", Usage: "`AXIS=LEVEL`, repeatable: of one point only; axes not named stand at bad", Value: &repeated{}},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			untrustedFlag(),
		),
		Action: func(ctx *cli.Context) error {
			scenario, err := oneArgument(ctx, "scenario", defaultScenario)
			if err != nil {
				return err
			}
			o := imagesBuildOptions{
				scenario: scenario, parts: readParts(ctx), push: ctx.String("push"), at: ctx.Generic("at").(*repeated).values, json: ctx.Bool("json"),
				untrusted: ctx.Bool("untrusted"),
			}
			if _, err := name.ParseReference(o.push); ctx.IsSet("push") && (err != nil || strings.Contains(o.push, "@")) {
				return usageError{fmt.Sprintf("--push %q: want a repository, as in registry.example/team/builder, or with a tag", o.push)}
			}
			return c.runImagesBuild(ctx.Context, o)
		},
	}
}

func (c command) runImagesBuild(ctx context.Context, o imagesBuildOptions) error {
	begin := time.Now()
	p := screen.NewProgress(c.stderr)
	s, err := openImages(ctx, o.scenario, o.untrusted, p)
	if err != nil {
		return err
	}
	defer s.closeWarning()
	if err := s.stock(o.parts); err != nil {
		return err
	}
	wanted, builders, err := s.wanted(ctx, o)
	if err != nil {
		return err
	}
	before, err := cache.Stock(s.cache, p.Warn)
	if err != nil {
		return err
	}
	if err := s.images.Prepare(ctx, wanted); err != nil {
		return err
	}
	r := buildReport{Scenario: s.scenario.Name, Parts: []builtPart{}, Drift: []string{}, Pushed: []pushedImage{}}
	for i, spec := range builders {
		p.Line(fmt.Sprintf("pushing image %d of %d to %s", i+1, len(builders), o.push))
		image, err := s.images.Image(ctx, spec)
		if err != nil {
			return err
		}
		pushed, err := images.Push(ctx, image, o.push)
		if err != nil {
			return err
		}
		r.Pushed = append(r.Pushed, pushedImage{pushed, specWords(spec)})
	}
	if r.Parts, err = s.built(before); err != nil {
		return err
	}
	for _, part := range r.Parts {
		r.Size += part.Size
	}
	r.Drift = append(r.Drift, s.images.Drift()...)
	r.Seconds = float64(time.Since(begin).Milliseconds()) / 1000
	if o.json {
		return c.printJSON(r)
	}
	p.Line(fmt.Sprintf("done in %.1f s", r.Seconds))
	return c.printBuilt(r)
}

// built lists the cache's entries that the session's images are made of. Before is what lay in the cache
// before.
func (s *job) built(before []cache.Stocked) ([]builtPart, error) {
	made := map[string]time.Time{}
	for _, e := range before {
		made[e.ID] = e.Made
	}
	after, err := cache.Stock(s.cache, func(string) {}) // has warned before
	if err != nil {
		return nil, err
	}
	used := s.images.Used()
	list := []builtPart{}
	for _, e := range after {
		if used.Names(e) {
			had, ok := made[e.ID]
			list = append(list, builtPart{e, !ok || !had.Equal(e.Made)})
		}
	}
	slices.SortFunc(list, func(a, b builtPart) int { return strings.Compare(a.Kind+" "+a.What, b.Kind+" "+b.What) })
	return list, nil
}

func (c command) printBuilt(r buildReport) error {
	rows := [][]string{{"KIND", "WHAT", "FROM", "SIZE", "MADE"}}
	fresh := 0
	for _, part := range r.Parts {
		state := "before"
		if part.New {
			state = "now"
			fresh++
		}
		rows = append(rows, []string{part.Kind, part.What, orDash(part.Provider), size(part.Size), state})
	}
	if err := table(c.stdout, rows); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s, %s; %d made now\n", english.Plural(len(r.Parts), "part", ""), size(r.Size), fresh)
	rows = nil
	for _, image := range r.Pushed {
		rows = append(rows, []string{"pushed " + image.Ref, image.Of})
	}
	return table(c.stdout, rows)
}
