package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"buildbisect/images/apt"
	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
	"buildbisect/images/workdir"
)

// Archives say where Debian packages come from, where that is not what mmdebstrap and apt take by themselves.
// They are no part of an image's identity: packages are signed.
type Archives struct {
	Mirror    string // of the archive
	Snapshots string // URL of a snapshot service, with {snapshot} where the time goes
	Keyring   string // file of the keys that sign them
}

// trust tells keys of one's own from those of this machine: what one signs is not what the other does.
func (a Archives) trust() (string, error) {
	if a.Keyring == "" {
		return "", nil
	}
	sum, _, err := cache.SumFile(a.Keyring)
	if err != nil {
		return "", fmt.Errorf("keyring: %w; see BISECT_DEBIAN_KEYRING", err)
	}
	return sum, nil
}

// debianArchives has systems and tools from Debian packages.
type debianArchives struct {
	*workshop
	Archives
	fresh string // see [Builder].Fresh

	mu   sync.Mutex // guards debs
	debs *apt.Client
}

// debianArgs make a system small and the same everywhere: no documents, and nothing that tells of the machine
// it was made on or of where its packages came from. mmdebstrap itself leaves out times, caches and logs.
var debianArgs = []string{
	"--mode=unshare", "--variant=minbase", "--format=tar", "--skip=output/dev", "--dpkgopt=force-unsafe-io",
	"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright",
	"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/info/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*",
	`--aptopt=APT::Sandbox::User "root"`, // its own user only where that one can reach the temporary folder: so some folders would be its own there
	`--customize-hook=cd "$1" && rm -rf etc/hostname etc/resolv.conf etc/apt/sources.list etc/apt/sources.list.d/* etc/apt/auth.conf.d/* ` +
		`etc/apt/apt.conf.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/99mmdebstrap`,
}

// system makes a Debian base in dir, as its only layer.
func (a *debianArchives) system(ctx context.Context, s *step, d *catalogue.Debian, dir string) (err error) {
	if a.offline {
		return &OfflineError{What: "mmdebstrap", Need: "its packages would have to be fetched"}
	}
	packages, err := d.PackageNames()
	if err != nil {
		return err
	}
	if err := debianReady(); err != nil {
		return err
	}
	mirror := a.Mirror
	args := slices.Clone(debianArgs)
	if d.Snapshot != "" {
		client, err := a.client(ctx)
		if err != nil {
			return err
		}
		if mirror, err = client.SnapshotURL(ctx, a.archive(d.Archive)); err != nil {
			return err
		}
		args = append(args, `--aptopt=Acquire::Check-Valid-Until "false"`) // a snapshot is always past its time
	}
	if a.Keyring != "" {
		args = append(args, "--keyring="+a.Keyring)
	}
	out, err := os.OpenFile(filepath.Join(dir, layerName(0)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()

	if len(packages) > 0 {
		args = append(args, "--include="+strings.Join(packages, ","))
	}
	args = append(args, d.Suite, "-")
	if mirror != "" {
		args = append(args, mirror)
	}
	log := &lines{each: func(line string) {
		// What takes long ends in dots; the rest is about details.
		if text, ok := strings.CutPrefix(line, "I: "); ok && strings.HasSuffix(text, "...") && ctx.Err() == nil {
			s.say(strings.TrimSuffix(text, "..."))
		}
	}}
	// Folders that it makes itself get their modes from the umask.
	cmd := command(ctx, syscall.SIGTERM, "sh", append([]string{"-c", `umask 0022 && exec mmdebstrap "$@"`, "mmdebstrap"}, args...)...)
	work, err := workdir.New(workdir.Mmdebstrap)
	if err != nil {
		return err
	}
	work.Hand(cmd)
	defer func() {
		if ctx.Err() != nil && cmd.Process != nil { // whatever it left when it was told to stop, or would not
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		if left := work.Remove(); left != nil {
			s.say(fmt.Sprintf("left %s behind: %v; remove it", work.Path, left))
		}
	}()
	if err := os.Chmod(work.Path, 0o755); err != nil { // apt's own user works in there, too
		return err
	}
	cmd.Dir = "/" // in unshare mode the user's folder may be out of reach
	cmd.Env = slices.Concat(keptEnv(), aptProxies(ctx), []string{
		"PATH=" + os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin", // an ordinary user's lacks what dpkg calls
		"LC_ALL=C.UTF-8", "TZ=UTC", "PWD=/", "TMPDIR=" + work.Path, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch),
	})
	cmd.WaitDelay = 20 * time.Second // it ends its step first, and some take half a minute
	cmd.Stdout, cmd.Stderr = out, log
	s.say("mmdebstrap " + d.Suite)
	defer context.AfterFunc(ctx, func() { s.say("stopping; mmdebstrap ends its step and cleans up") })()
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if said := log.tail(keepLines, func(string) bool { return true }); noRoom(said) {
			return fmt.Errorf("mmdebstrap, which works in %s: %w", filepath.Dir(work.Path), syscall.ENOSPC)
		}
		why := log.tail(8, func(line string) bool {
			told := strings.HasPrefix(line, "E:") || strings.HasPrefix(line, "Err:") || strings.HasPrefix(line, "dpkg: ")
			return told && !strings.Contains(line, "mmdebstrap failed") && !strings.Contains(line, "setup failed: E: env ") &&
				!strings.Contains(line, "APT::Status-Fd") // echoes of the cause
		})
		if why == "" {
			why = log.tail(8, func(string) bool { return true })
		}
		return fmt.Errorf("mmdebstrap: %w; check the network, and that Debian has %s and the packages named:\n\t%s", err, d.Suite, why)
	}
	s.say("made")
	return nil
}

// RemoveLeft removes from the system's folder for temporary files what mmdebstrap and apt were working with
// when bisect was killed. What is in use, another user's, or younger than a minute stays.
func RemoveLeft() error { return workdir.RemoveLeft() }

// noRoom reports whether a program says that a disk is full.
func noRoom(said string) bool { return strings.Contains(said, "No space left on device") }

// debianReady says what must be installed or set up first, if anything, as the command to run.
func debianReady() error {
	sudo := "sudo "
	if os.Geteuid() == 0 {
		sudo = ""
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return fmt.Errorf("mmdebstrap is not installed; run: %sapt-get install --yes mmdebstrap", sudo)
	}
	if sudo == "" {
		return nil
	}
	if _, err := exec.LookPath("newuidmap"); err != nil {
		return errors.New("an ordinary user needs newuidmap for it; run: sudo apt-get install --yes uidmap")
	}
	u, err := user.Current()
	if err != nil {
		return fmt.Errorf("current user: %w", err)
	}
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		b, _ := os.ReadFile(file) // absent: the user has no range either
		if !slices.ContainsFunc(strings.Split(string(b), "\n"), func(line string) bool {
			return strings.HasPrefix(line, u.Username+":") || strings.HasPrefix(line, u.Uid+":")
		}) {
			return fmt.Errorf("user %[1]s has no range in %[2]s; run: "+
				"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %[1]s", u.Username, file)
		}
	}
	return nil
}

// aptProxies are the proxies that this machine's apt is set to use; mmdebstrap's own apt looks into the new
// system alone.
func aptProxies(ctx context.Context) []string {
	out, err := command(ctx, syscall.SIGKILL, "apt-config", "shell", "http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy").Output()
	if err != nil {
		return nil // without apt mmdebstrap itself will say what is wrong
	}
	var env []string
	for _, line := range strings.Split(string(out), "\n") {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if value = strings.Trim(value, "'"); ok && value != "" && value != "DIRECT" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// recipe says in 64 hex digits what was asked for; what was got depends on the day.
func (a *debianArchives) recipe(d *catalogue.Debian) (string, error) {
	packages, err := d.PackageNames()
	if err != nil {
		return "", fmt.Errorf("base debian: %w", err)
	}
	trust, err := a.trust()
	if err != nil {
		return "", fmt.Errorf("base debian: %w", err)
	}
	fresh := a.fresh
	if d.Snapshot != "" {
		fresh = ""
	}
	return cache.Sum(struct {
		Format                          int
		Provider, Suite, Snapshot, Arch string
		Packages, Args                  []string
		Trust, Fresh                    string `json:",omitempty"`
	}{recipeFormat, "debian", d.Suite, d.Snapshot, runtime.GOARCH, packages, debianArgs, trust, fresh})
}
