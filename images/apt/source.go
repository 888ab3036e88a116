package apt

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// source is one line of a sources.list.
type source struct {
	keyring string // absolute; "": what the machine's apt trusts
	base    string // the archive's URL, without a slash at its end
	suite   string
}

func (s source) line() string {
	option := ""
	if s.keyring != "" {
		option = "[signed-by=" + s.keyring + "] "
	}
	return "deb " + option + s.base + "/ " + s.suite + " main"
}

// sources are where the archive's packages are listed, the suite itself first.
func (c *Client) sources(ctx context.Context, a Archive) ([]source, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if a.Snapshot == "" {
		return c.mirrors(ctx, a)
	}
	service, err := c.SnapshotURL(ctx, a)
	if err != nil {
		return nil, err
	}
	return c.mirrors(ctx, Archive{Suite: a.Suite, Mirror: service, Keyring: a.Keyring})
}

// SnapshotURL is the URL of the archive as the snapshot service has it at a's time.
func (c *Client) SnapshotURL(ctx context.Context, a Archive) (string, error) {
	template := a.Snapshots
	if template == "" {
		s, err := c.machine(ctx)
		if err != nil {
			return "", err
		}
		template = s.snapshots
	}
	if template == "" {
		return "", fmt.Errorf("snapshot %s: this machine's apt knows no snapshot service; "+
			"set BISECT_DEBIAN_SNAPSHOTS to the URL of one, with {snapshot} where the time goes", a.Snapshot)
	}
	full := strings.NewReplacer("{snapshot}", a.Snapshot, "@SNAPSHOTID@", a.Snapshot).Replace(template)
	if full == template {
		return "", fmt.Errorf("snapshot service %q: want {snapshot} or @SNAPSHOTID@ in it, where the time goes", template)
	}
	return full, checkURL("snapshot service", full)
}

// debLine is a line of a sources.list as mmdebstrap writes it.
var debLine = regexp.MustCompile(`(?m)^deb (?:\[signed-by="?([^\]"]+)"?\] )?(\S+) (\S+) main$`)

// mirrors are the lines that mmdebstrap would write for the suite: without a.Mirror also its updates and
// security fixes.
func (c *Client) mirrors(ctx context.Context, a Archive) ([]source, error) {
	if a.Mirror != "" && a.Keyring != "" {
		return []source{{a.Keyring, strings.TrimRight(a.Mirror, "/"), a.Suite}}, nil
	}
	c.asking.Lock()
	defer c.asking.Unlock()
	if s := c.found[a]; s != nil {
		return s, nil
	}
	// The mode is the one that any user may use. The hook runs before anything is fetched, prints, and stops
	// there.
	args := []string{"--mode=chrootless", "--variant=custom", "--format=null", "--quiet",
		`--setup-hook=cat "$1/etc/apt/sources.list" >&2; exit 1`, a.Suite, "-"}
	if a.Mirror != "" {
		args = append(args, a.Mirror)
	}
	_, err := c.run(ctx, c.Env, "mmdebstrap", args...)
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w; or give a mirror and a keyring", err)
	}
	said := ""
	if cmd := new(commandError); errors.As(err, &cmd) {
		said = cmd.said
	}
	var list []source
	for _, m := range debLine.FindAllStringSubmatch(said, -1) {
		s := source{m[1], strings.TrimRight(m[2], "/"), m[3]}
		if a.Keyring != "" {
			s.keyring = a.Keyring
		}
		list = append(list, s)
	}
	if len(list) == 0 {
		if err == nil {
			err = errors.New("it printed none")
		}
		return nil, fmt.Errorf("mmdebstrap: asking for the mirror of %s: %w", a.Suite, err)
	}
	if c.found == nil {
		c.found = map[Archive][]source{}
	}
	c.found[a] = list
	return list, nil
}
