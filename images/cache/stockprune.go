package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// PruneOptions say what goes. What a lock in use needs stays, whatever they say; what is unfinished always
// goes.
type PruneOptions struct {
	OlderThan time.Duration // what was last used longer ago goes; 0: age does not count
	KeepSize  int64         // then the least recently used, until no more bytes than these are left; 0: size does not count
	All       bool          // everything goes
	DryRun    bool          // nothing is removed, only told
	Now       time.Time
}

// Pruned says what was removed, or would be.
type Pruned struct {
	Removed []Stocked // longest unused first
	Left    []Stocked // latest used first
}

// Freed is how many bytes went.
func (p *Pruned) Freed() int64 { return total(p.Removed) }

// Size is how many bytes are left, and Locked how many of them a lock needs.
func (p *Pruned) Size() int64 { return total(p.Left) }

func (p *Pruned) Locked() (n int64) {
	for _, s := range p.Left {
		if len(s.Locks) > 0 {
			n += s.Size
		}
	}
	return n
}

func total(all []Stocked) (n int64) {
	for _, s := range all {
		n += s.Size
	}
	return n
}

// Prune removes from a cache folder, if nobody uses it; else it is an [*InUseError]. What it could not remove
// is left, and the error says why; the rest is gone all the same.
func Prune(ctx context.Context, dir string, o PruneOptions) (*Pruned, error) {
	c := Dir{dir}
	if _, err := os.Stat(dir); gone(err) {
		return &Pruned{}, nil
	}
	if !o.DryRun {
		release, err := c.holdAlone()
		if err != nil {
			return nil, err
		}
		defer release()
	}
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	stock, err := c.stock(roots)
	if err != nil {
		return nil, err
	}
	p := choose(stock, o)
	if o.DryRun {
		return p, nil
	}
	errs := []error{c.tidy(o)}
	doomed := p.Removed
	p.Removed = nil
	for _, s := range doomed {
		err := context.Cause(ctx)
		if err == nil {
			err = c.remove(s.ID)
		}
		if err != nil {
			errs = append(errs, err)
			p.Left = append(p.Left, s)
			continue
		}
		p.Removed = append(p.Removed, s)
	}
	slices.SortStableFunc(p.Left, func(a, b Stocked) int { return b.Used.Compare(a.Used) })
	if err := errors.Join(errs...); err != nil {
		return p, fmt.Errorf("cache: %w", err)
	}
	return p, nil
}

// choose divides a stock, given latest used first.
func choose(stock []Stocked, o PruneOptions) *Pruned {
	goes := map[string]bool{} // by ID
	size := total(stock)
	drop := func(s Stocked) {
		goes[s.ID] = true
		size -= s.Size
	}
	for _, s := range stock {
		old := o.OlderThan > 0 && o.Now.Sub(s.Used) > o.OlderThan
		if s.Kind == kindUnfinished || len(s.Locks) == 0 && (o.All || old) {
			drop(s)
		}
	}
	p := &Pruned{}
	for _, s := range slices.Backward(stock) {
		if !goes[s.ID] && len(s.Locks) == 0 && o.KeepSize > 0 && size > o.KeepSize {
			drop(s)
		}
		if goes[s.ID] {
			p.Removed = append(p.Removed, s)
		} else {
			p.Left = append(p.Left, s)
		}
	}
	slices.Reverse(p.Left)
	return p
}

// remove takes something out of the cache. Under its own name it is there whole, or not at all, even if we
// are killed.
func (c Dir) remove(id string) error {
	path := filepath.Join(c.Root, filepath.FromSlash(id))
	if part := path + partSuffix; !strings.HasSuffix(path, partSuffix) {
		if err := RemoveTree(part); err != nil {
			return err
		}
		if err := os.Rename(path, part); err != nil {
			return err
		}
		path = part
	}
	return RemoveTree(path)
}

// tidy removes what nobody needs to be told of: files that processes waited for each other with, of which
// there are none now; notes of locks that are gone; and what a tag stood for, where nobody asked for that
// long.
func (c Dir) tidy(o PruneOptions) error {
	errs := []error{c.forgetRoots()}
	sweep := func(folder string, goes func(name string) bool) {
		names, err := c.names(folder)
		errs = append(errs, err)
		for _, name := range names {
			if goes(name) {
				errs = append(errs, os.Remove(filepath.Join(c.Root, filepath.FromSlash(folder), name)))
			}
		}
	}
	isLock := func(name string) bool { return strings.HasSuffix(name, ".lock") }
	sweep("locks", isLock)
	for _, shelf := range shelves {
		sweep(shelf.folder, isLock)
	}
	halfWritten := func(name string) bool { return strings.HasPrefix(name, ".") }
	sweep(rootsName, halfWritten)
	sweep("tags", func(name string) bool {
		info, err := os.Stat(filepath.Join(c.Root, "tags", name))
		old := err == nil && o.OlderThan > 0 && o.Now.Sub(info.ModTime()) > o.OlderThan
		return halfWritten(name) || o.All || old
	})
	return errors.Join(errs...)
}
