package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// helper is the part of apt that fetches single files as apt does: by its methods, proxies and credentials,
// resuming what was cut off.
const helper = "/usr/lib/apt/apt-helper"

// settings are what is taken over from the machine's apt.
type settings struct {
	kept      []string // lines of apt.conf
	snapshots string   // a snapshot service's URL template; "": none
}

// keptSetting are the settings that say how the network is reached.
var keptSetting = regexp.MustCompile(`^Acquire::(http|https|ForceIPv[46]|Retries|Send-URI-Encoded)\b`)

// machine asks the machine's apt, once for each Client, how it is set.
func (c *Client) machine(ctx context.Context) (*settings, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.settings != nil {
		return c.settings, nil
	}
	dump, err := c.run(ctx, c.Env, "apt-config", "dump")
	if err != nil {
		return nil, err
	}
	s := &settings{}
	value := map[string]string{}
	for line := range strings.Lines(dump) {
		line = strings.TrimSpace(line) // Key "value"; which apt.conf(5) takes as it is
		key, quoted, _ := strings.Cut(line, " ")
		if v, ok := strings.CutPrefix(quoted, `"`); ok {
			value[key] = strings.TrimSuffix(v, `";`)
		}
		if keptSetting.MatchString(key) {
			s.kept = append(s.kept, line)
		}
	}
	etc := func(name string) string {
		dir := filepath.Join(value["Dir"], value["Dir::Etc"])
		if v := value["Dir::Etc::"+name]; filepath.IsAbs(v) || v == "" {
			return v
		} else {
			return filepath.Join(dir, v)
		}
	}
	for _, name := range []string{"trusted", "trustedparts", "netrc", "netrcparts"} {
		if v := etc(name); v != "" {
			s.kept = append(s.kept, fmt.Sprintf("Dir::Etc::%s %q;", name, v))
		}
	}
	s.snapshots = value["Acquire::Snapshots::URI::Origin::Debian"]
	c.settings = s
	return s, nil
}

// workspace makes dir a world of apt's own, with nothing installed, and returns the environment for commands
// in it.
func (c *Client) workspace(ctx context.Context, dir string, sources []source, checkValidity bool) ([]string, error) {
	if !plainPath.MatchString(dir) {
		return nil, fmt.Errorf("folder %q: apt wants an absolute path without spaces, quotes and brackets; choose another cache folder", dir)
	}
	s, err := c.machine(ctx)
	if err != nil {
		return nil, err
	}
	conf := append([]string{
		fmt.Sprintf("Dir %q; Dir::State %[1]q; Dir::Cache %[1]q; Dir::Log %[1]q; Dir::Etc %[1]q;", dir),
		fmt.Sprintf("Dir::State::status %q;", filepath.Join(dir, "status")), `Dir::Cache::srcpkgcache "";`,
		`Dir::Etc::parts "/dev/null"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::preferencesparts "/dev/null";`,
		fmt.Sprintf("APT::Architecture %q;", arch()), fmt.Sprintf("APT::Architectures { %q; };", arch()),
		`APT::Install-Recommends "false";`, `APT::Install-Suggests "false";`,
		`APT::Sandbox::User "root";`, // apt, run by root, would hand its work to a user who cannot enter the cache
		`Acquire::Languages "none";`, `Acquire::PDiffs "false";`, `Acquire::GzipIndexes "true";`, `Acquire::Check-Date "true";`,
		fmt.Sprintf("Acquire::Check-Valid-Until \"%v\";", checkValidity),
	}, s.kept...)
	var lines []string
	for _, s := range sources {
		lines = append(lines, s.line())
	}
	for name, content := range map[string][]string{"apt.conf": conf, "sources.list": lines, "status": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(append(content, ""), "\n")), 0o644); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	return inWorkspace(c.Env, dir), nil
}

// inWorkspace is env for commands that shall work in dir, and nowhere else.
func inWorkspace(env []string, dir string) []string {
	return append(env[:len(env):len(env)], "APT_CONFIG="+filepath.Join(dir, "apt.conf"))
}

// commandError is a command that ended badly, with all it said.
type commandError struct {
	name string
	err  error
	said string // stdout, then stderr
}

func (e *commandError) Error() string {
	why := telling(e.said)
	if why == "" {
		why = e.err.Error()
	}
	return e.name + ": " + why
}

func (e *commandError) Unwrap() error { return e.err }

// run runs a command with an environment of its own and returns its stdout.
func (c *Client) run(ctx context.Context, env []string, name string, args ...string) (string, error) {
	return finish(ctx, command(ctx, env, name, args...))
}

// command is a command with an environment of its own. When ctx ends, it is asked to stop with all its
// children, which keep what they have got so far, and has 10 s for that.
func command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.Env = append(env[:len(env):len(env)], "LC_ALL=C.UTF-8", "TZ=UTC", "PWD=/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// finish runs a command to its end and returns its stdout.
func finish(ctx context.Context, cmd *exec.Cmd) (string, error) {
	name := filepath.Base(cmd.Args[0])
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%s is not installed; this needs the Debian packages apt, dpkg and mmdebstrap: %w", name, err)
	}
	return stdout.String(), &commandError{name, err, stdout.String() + stderr.String()}
}

// tellingLines are what apt says of a cause, the most telling first. What it says of the consequences is
// longer.
var tellingLines = []*regexp.Regexp{
	regexp.MustCompile(`is expired \(invalid since`),
	regexp.MustCompile(`is not valid yet`),
	regexp.MustCompile(`NO_PUBKEY|EXPKEYSIG|BADSIG|following signatures|[Mm]issing key|Sub-process (/\S*/)?(gpgv|sqv)`),
	regexp.MustCompile(`is not signed`),
	regexp.MustCompile(`does not have a Release file`),
	regexp.MustCompile(`Could not (resolve|connect)|Unable to connect|Connection (failed|timed out)|Hash Sum mismatch|unexpected size|  [45]\d\d  `),
	regexp.MustCompile(`: (Depends|PreDepends|Conflicts|Breaks): .* but `),
	regexp.MustCompile(`^E: `),
	regexp.MustCompile(`^W: `),
}

// telling finds in what apt said the line with the cause, shortened.
func telling(said string) string {
	for _, re := range tellingLines {
		for line := range strings.Lines(said) {
			if re.MatchString(line) {
				line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "E: "), "W: ")
				line, _, _ = strings.Cut(line, " Updates for this repository will not be applied.")
				return strings.Join(strings.Fields(line), " ")
			}
		}
	}
	return ""
}
