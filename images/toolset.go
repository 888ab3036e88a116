package images

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"buildbisect/images/catalogue"
)

// Toolset is what a Spec picks, unpacked on this machine instead of put into an image: for builds that run on
// the machine itself. It has no base.
type Toolset struct {
	Identity string            // of what it is made of, 64 hex digits
	Dests    map[string]string // tool -> absolute path in an image where everybody calls it
	Links    map[string]string // absolute path in an image -> the file or folder on this machine that is meant there
	Hidden   []string          // absolute paths in an image, sorted, at which a tool that is to be absent may not answer
	Checks   []Check           // what the tools must print; commands that are paths in an image are paths on this machine

	Unpacked []*Unpacked // the tools, where they lie; they are in use for as long as the Builder has no better
}

// Changed says what was done to the tools since they were unpacked, by a build for instance; nil is nothing.
// [Builder.Tools] unpacks anew what was changed.
func (s *Toolset) Changed() error {
	for _, u := range s.Unpacked {
		if err := u.Changed(); err != nil {
			return err
		}
	}
	return nil
}

// Tools makes the tools of spec and unpacks them into the cache, or finds them there. Spec's base is not
// looked at.
//
// A tool that is one file, or a folder that finds itself, runs from anywhere. One from a Debian package has
// the path of its loader and its libraries written into it, so it is put together again for the path at which
// it lies in this cache; it is of the same packages, but not the same bytes as in an image. One that has
// paths of its other files compiled in is an [UnfitError].
func (b *Builder) Tools(ctx context.Context, spec catalogue.Spec) (*Toolset, error) {
	r, err := b.resolveTools(ctx, spec)
	if err != nil {
		return nil, err
	}
	set := &Toolset{Dests: map[string]string{}, Links: map[string]string{}}
	if set.Identity, err = r.identity(); err != nil {
		return nil, err
	}
	takes := map[string]string{} // path to the tool that goes there
	for _, p := range r.picks {
		if p.Absent {
			set.Hidden = append(set.Hidden, p.hide...)
			continue
		}
		made, err := b.toolLayer(ctx, p.tool)
		if err != nil {
			return nil, err
		}
		unpacked, err := b.unpacked(ctx, p.tool, made)
		if err != nil {
			return nil, fmt.Errorf("toolchain %s %s: %w", p.Tool, p.Version, err)
		}
		files := unpacked.files()
		if err := compiledIn(p.Tool+" "+p.Version, filepath.Join(files, "root"), made.made.Parts); err != nil {
			return nil, err
		}
		set.Unpacked = append(set.Unpacked, unpacked)
		set.Dests[p.Tool] = p.tool.Dest
		links := made.made.all()
		for _, from := range slices.Sorted(maps.Keys(links)) {
			if other, ok := takes[from]; ok {
				return nil, fmt.Errorf("tools %s and %s: both go to %s; give one of them another dest", other, p.Tool, from)
			}
			takes[from] = p.Tool
			set.Links[from] = filepath.Join(files, filepath.FromSlash(links[from]))
		}
		set.Checks = append(set.Checks, localCheck(p, filepath.Join(files, filepath.FromSlash(made.made.Program)), set.Links))
	}
	slices.Sort(set.Hidden)
	set.Hidden = slices.Compact(set.Hidden)
	return set, nil
}

// ToolsIdentity is what the [Toolset] of spec is made of, without making any of it; see [Builder.Identity].
func (b *Builder) ToolsIdentity(ctx context.Context, spec catalogue.Spec) (string, error) {
	r, err := b.resolveTools(ctx, spec)
	if err != nil {
		return "", err
	}
	return r.identity()
}

// localCheck is a tool's check where no image is. A tool that is called by its name is still to be found by
// it.
func localCheck(p resolvedPick, program string, links map[string]string) Check {
	check := Check{Tool: p.Tool, Version: p.Version, Command: slices.Clone(p.tool.Command), Want: p.tool.Want}
	if len(check.Command) == 0 {
		return Check{Tool: p.Tool, Version: p.Version, Command: []string{program}}
	}
	if called := check.Command[0]; path.IsAbs(called) {
		if at, ok := links[called]; ok {
			check.Command[0] = at
		} else if called == p.tool.Dest {
			check.Command[0] = program
		}
	}
	return check
}
