package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"buildbisect/images/apt"
	"buildbisect/images/catalogue"
)

// unpack has a tool from a Debian package: its files and those of what it depends on, as one tree, and
// apart from that the libraries they need, which nothing else in the image sees. What of the tree is linked
// where the packages have it, each base says.
func (a *debianArchives) unpack(ctx context.Context, j job, d *catalogue.Package, way candidate) (contents, error) {
	none := contents{}
	client, err := a.client(ctx)
	if err != nil {
		return none, err
	}
	archive := a.archive(d.Archive)
	made := contents{Packages: way.Packages, Date: way.Date}
	if made.Packages == nil {
		j.say("looking up package " + d.Name)
		if a.offline {
			return none, &OfflineError{What: "package " + d.Name, Need: "it is not in the cache"}
		}
		found, err := client.Resolve(ctx, archive, []string{d.Name})
		if err != nil {
			return none, roomy(err)
		}
		made.Packages, made.Date = found.Packages, found.Snapshot()
	} else if archive.Snapshot == "" {
		archive.Snapshot = way.Date // where they are, once the suite has gone on
	}
	if a.offline {
		for _, p := range made.Packages {
			if _, ok := client.Cached(p); !ok {
				return none, &OfflineError{What: fmt.Sprintf("package %s", p), Need: "it is not in the cache"}
			}
		}
	}
	j.say(fmt.Sprintf("fetching %d packages", len(made.Packages)))
	debs, err := client.Fetch(ctx, archive, made.Packages)
	if err != nil {
		return none, roomy(err)
	}
	i := slices.IndexFunc(made.Packages, func(p apt.Package) bool { return p.Name == d.Name })
	if i < 0 {
		return none, fmt.Errorf("package %s is not among those locked", d.Name)
	}
	if have := made.Packages[i].Version; len(j.tool.Command) == 0 && !strings.HasPrefix(upstream(have), strings.TrimPrefix(j.tool.Version, "v")) {
		return none, fmt.Errorf("%s has %s of %s, which is no %s; name the version so, or say with check: what it prints", d.Archive, have, d.Name, j.tool.Version)
	}
	j.say("unpacking")
	parts, err := debianParts(ctx, debs, d)
	if err != nil {
		return none, err
	}
	payload := apt.Payload{Own: debs[i : i+1], Closure: debs, Prefix: path.Join("/", j.w.root), Time: fixedTime(), Scratch: j.scratch}
	for _, p := range parts {
		if p.deb != "" {
			payload.With = append(payload.With, p.deb)
		}
	}
	tree, err := payload.Assemble(ctx, j.w.addAt)
	if err != nil {
		return none, fmt.Errorf("%w; make it a base axis, with that package in each level", err)
	}
	made.Program = path.Join("root", d.Program)
	if made.Parts, err = settle(d, parts, tree); err != nil {
		return none, fmt.Errorf("package %s: %w", made.Packages[i], err)
	}
	made.Links = map[string]string{j.tool.Dest: made.Program}
	return made, nil
}

// upstream is a Debian version without its epoch.
func upstream(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		return rest
	}
	return version
}

// roomy makes what apt says of a full disk an error that counts as one.
func roomy(err error) error {
	if noRoom(err.Error()) && !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", err, syscall.ENOSPC)
	}
	return err
}

// archive adds to a suite where it is to be had from.
func (a *debianArchives) archive(suite catalogue.Archive) apt.Archive {
	return apt.Archive{Suite: suite.Suite, Snapshot: suite.Snapshot, Mirror: a.Mirror, Snapshots: a.Snapshots, Keyring: a.Keyring}
}

// client is the one client of this Builder, for which time stands still.
func (a *debianArchives) client(ctx context.Context) (*apt.Client, error) {
	c, err := a.cache()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.debs == nil {
		a.debs = &apt.Client{
			Dir: filepath.Join(c.Root, "apt"), Progress: a.progress,
			Env: slices.Concat(keptEnv(), aptProxies(ctx), []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "LC_ALL=C.UTF-8"}),
		}
	}
	return a.debs, nil
}
