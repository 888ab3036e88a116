package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"buildbisect/bisect/report"
	"buildbisect/runner/backend"
)

// volumeMeter weighs the volumes of a box, from a container beside it: fresh from the image, so that the
// build cannot have replaced its du, and with the volumes read-only. Starting that one takes most of a look's
// time, so it stays until the box goes. An image without du cannot be measured.
type volumeMeter struct {
	box    *box
	image  string
	labels map[string]string

	mu     sync.Mutex
	side   *box     // nil: not started yet, or it failed us
	places []string // the volumes, as paths in there
}

const meterSuffix = "-scale" // of the third container's name

// scaleBounds are of the container that weighs: it holds the names of folders in memory, never files.
var scaleBounds = backend.BoxSpec{Memory: 256 << 20, PIDs: 32}

// weigh gives the bytes in the box's volumes, sparse files by what they take, and with what each entry costs.
// It is called once at a time.
func (s *volumeMeter) weigh(ctx context.Context) (int64, error) {
	dirs, printed, err := s.ask(ctx, "weigh the volumes of", func(dirs string) string {
		// That du fails is no matter: files come and go under its eyes. GNU's and busybox's both have -a, and
		// neither the other's way to count.
		return "du -sk" + dirs + " || :\necho " + meterMark + "\ndu -ak" + dirs + " | wc -l\n"
	})
	if err != nil || dirs == 0 {
		return 0, err
	}
	return readWeight(printed)
}

// room gives what is free on the disks where the box's volumes and the engine's layers lie. It does not wait
// for weigh.
func (s *volumeMeter) room(ctx context.Context) (*rooms, error) {
	_, printed, err := s.ask(ctx, "see what is free beside", func(dirs string) string {
		return "df -Pk /" + dirs + " || :\ndf -Pi /" + dirs + " || :\n"
	})
	disks := &rooms{}
	if err != nil {
		return disks, err
	}
	for line := range strings.Lines(printed) {
		disks.read(strings.Fields(line))
	}
	if len(disks.list) == 0 {
		return disks, errors.New("see what is free on the engine's disk: no word of df")
	}
	return disks, nil
}

// ask runs a script over the volumes, of which it says how many there are.
func (s *volumeMeter) ask(ctx context.Context, what string, script func(dirs string) string) (dirs int, printed string, err error) {
	side, places, err := s.started(ctx)
	if err != nil {
		return 0, "", err
	}
	var out strings.Builder
	if _, err := side.run(ctx, what+" box "+s.box.name, "exec 2>/dev/null\n"+script(quoted(places)), &out); err != nil {
		if ctx.Err() == nil {
			s.dismiss(side)
		}
		return 0, "", err
	}
	return len(places), out.String(), nil
}

// quoted gives places as words of a shell, each behind a space. The folder's own dot makes du look behind a
// link, which the image may have in that place.
func quoted(places []string) string {
	var dirs strings.Builder
	for _, place := range places {
		dirs.WriteString(" " + report.QuotedShellWord(strings.TrimSuffix(place, "/")+"/."))
	}
	return dirs.String()
}

const (
	meterMark = "--"
	// entryCost is what a file or folder counts beside what is in it: file systems keep about that much for
	// each, in places where du does not look.
	entryCost = 4 << 10
)

// readWeight reads what weigh's script printed, in bytes.
func readWeight(printed string) (int64, error) {
	weighed, counted, both := strings.Cut(printed, meterMark+"\n")
	if !both || weighed == "" {
		return 0, errors.New("weigh volumes: du said nothing, or was broken off")
	}
	var sum, entries int64
	for line := range strings.Lines(weighed) {
		var kib int64
		if _, err := fmt.Sscan(line, &kib); err != nil {
			return 0, fmt.Errorf("weigh volumes: du said %q", line)
		}
		sum += kib << 10
	}
	if _, err := fmt.Sscan(counted, &entries); err != nil || entries == 0 {
		return 0, fmt.Errorf("count what is in volumes: wc said %q", counted)
	}
	return sum + entries*entryCost, nil
}

// started gives the container, and starts it where there is none.
func (s *volumeMeter) started(ctx context.Context) (*box, []string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.side == nil {
		if err := s.start(ctx); err != nil {
			return nil, nil, err
		}
	}
	return s.side, s.places, nil
}

// dismiss removes a container that failed us: the next who asks starts another.
func (s *volumeMeter) dismiss(side *box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.side == side && side.Close() == nil {
		s.side = nil
	}
}

// start starts the container. mu is held.
func (s *volumeMeter) start(ctx context.Context) error {
	// A box's engine has all volumes of the box, and its own.
	from := s.box.containers()[len(s.box.containers())-1]
	found, err := s.box.engine.cli.ContainerInspect(ctx, from, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	s.places = nil
	for _, m := range found.Container.Mounts {
		if m.Type == mount.TypeVolume && m.RW { // what boxes share is nobody's writing
			s.places = append(s.places, m.Destination)
		}
	}
	s.places = outermost(s.places)
	call, cancel := afterwards(ctx, startDeadline)
	defer cancel()
	name := s.box.name + meterSuffix
	started, err := s.box.engine.provider.RunContainer(call, s.request(name, from))
	if err != nil {
		s.box.engine.removeMarked(ctx, name, s.labels[labelBox])
		return err
	}
	s.side = &box{engine: s.box.engine, id: started.GetContainerID(), name: name, workdir: "/"}
	return nil
}

// outermost leaves out the folders that lie in others: they are weighed with those.
func outermost(places []string) []string {
	sorted := slices.Sorted(slices.Values(places))
	return slices.DeleteFunc(slices.Clone(sorted), func(place string) bool {
		return slices.ContainsFunc(sorted, func(other string) bool { return strings.HasPrefix(place, other+"/") })
	})
}

func (s *volumeMeter) request(name, from string) testcontainers.ContainerRequest {
	return testcontainers.ContainerRequest{
		Image: s.image, Name: name, Labels: s.labels, Entrypoint: []string{"/bin/sh", "-c", waiting},
		ConfigModifier: func(c *container.Config) {
			c.Image, c.User, c.WorkingDir = s.image, "0", "/"
			// Where images have their du, and builds no volume.
			c.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
			c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
		},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = "none"
			h.ReadonlyRootfs = true
			h.VolumesFrom = []string{from + ":ro"}
			harden(h, []string{"DAC_OVERRIDE"}) // to look into folders that are closed to others
			limit(h, scaleBounds)
		},
	}
}

// close removes the container. It goes before the box: the last one that has the volumes takes them along.
func (s *volumeMeter) close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.side == nil {
		return nil
	}
	if err := s.box.engine.remove(ctx, s.side.id); err != nil {
		return err // to be tried again
	}
	s.side = nil
	return nil
}
