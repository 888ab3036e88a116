package apt

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kept is what a caller would hand on of this machine's environment.
func kept() []string {
	env := []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "HOME=" + os.Getenv("HOME")}
	for _, name := range []string{"TMPDIR", "http_proxy", "https_proxy", "no_proxy"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// needMirror skips where a test may not use the network, or has not what it needs of Debian.
func needMirror(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("fetches packages from Debian's mirror")
	}
	needTools(t, "apt-get", "apt-config", "dpkg-deb", "mmdebstrap", helper)
}

func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", filepath.Base(tool))
		}
	}
}

// install writes a payload below a folder that stands for the system's root, and returns the root.
func install(t *testing.T, p Payload) (files []string) {
	t.Helper()
	c, err := p.Assemble(t.Context(), func(h *tar.Header, r io.Reader) error {
		name := "/" + h.Name // the prefix is a temporary folder: the paths inside the programs must hold
		switch h.Typeflag {
		case tar.TypeDir:
			return os.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			return os.Symlink(h.Linkname, name)
		case tar.TypeLink:
			return os.Link("/"+h.Linkname, name)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return os.WriteFile(name, b, os.FileMode(h.Mode))
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths(c)
}

// run runs a program and returns what it prints, without the last line's end.
func run(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestToolsOfOtherReleasesRunBesideTheSystemsOwn takes make and bash from suites older and newer than this
// machine.
func TestToolsOfOtherReleasesRunBesideTheSystemsOwn(t *testing.T) {
	needMirror(t)
	c := &Client{Dir: t.TempDir(), Env: kept()}
	for _, test := range []struct{ suite, makeIs, bashIs string }{
		{"trixie", "GNU Make 4.4.1", "5.2.37"},
		{"bullseye", "GNU Make 4.3", "5.1.4"},
	} {
		t.Run(test.suite, func(t *testing.T) {
			a := Archive{Suite: test.suite}
			start := time.Now()
			r, err := c.Resolve(t.Context(), a, []string{"make", "bash"})
			if err != nil {
				t.Fatal(err)
			}
			resolved := time.Since(start)
			debs, err := c.Fetch(t.Context(), a, r.Packages)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d packages of %s; resolved in %v, fetched in %v", len(debs), r.Date, resolved, time.Since(start)-resolved)
			p := Payload{Closure: debs, Prefix: filepath.Join(t.TempDir(), "id")}
			for i, q := range r.Packages {
				if q.Name == "make" || q.Name == "bash" {
					p.Own = append(p.Own, debs[i])
				}
			}
			files := install(t, p)
			lib := p.Prefix + "/lib/"
			root := p.Prefix + "/root"
			var bash, make string
			for _, f := range files {
				switch filepath.Base(f) {
				case "bash":
					if strings.HasSuffix(f, "bin/bash") {
						bash = root + f
					}
				case "make":
					make = root + f
				}
			}
			if !slices.Contains(files, "/usr/bin/make") || bash == "" {
				t.Fatalf("files: %q", files)
			}

			if got := run(t, nil, make, "--version"); !strings.HasPrefix(got, test.makeIs) {
				t.Errorf("make --version: %s", got)
			}
			got := run(t, nil, bash, "-c", `echo "$BASH_VERSION|$BASH|$0|$(readlink /proc/$$/exe)"`)
			if !strings.HasPrefix(got, test.bashIs) || !strings.HasSuffix(got, "|"+bash+"|"+bash+"|"+bash) {
				t.Errorf("bash says of itself %s", got)
			}
			for _, program := range []string{make, bash} {
				traced := run(t, []string{"LD_TRACE_LOADED_OBJECTS=1"}, program)
				for line := range strings.Lines(traced) {
					if !strings.Contains(line, lib) && !strings.Contains(line, "linux-vdso") {
						t.Errorf("%s loads %s", program, line)
					}
				}
				if !strings.Contains(traced, lib+"libc.so.6") {
					t.Errorf("%s loads %s", program, traced)
				}
			}
			// What make starts is the system's, with the system's libraries.
			mk := filepath.Join(t.TempDir(), "Makefile")
			if err := os.WriteFile(mk, []byte("all:\n\t@LD_TRACE_LOADED_OBJECTS=1 /bin/ls; ls -d /\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := run(t, nil, make, "-f", mk); strings.Contains(got, lib) || !strings.HasSuffix(got, "\n/") || !strings.Contains(got, "libc.so.6") {
				t.Errorf("make's child: %s", got)
			}
		})
	}
}
