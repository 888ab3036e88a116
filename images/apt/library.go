package apt

import (
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path"
	"strings"

	"buildbisect/images/relink"
)

// opened are libraries that glibc itself opens by name when a program asks for users, hosts or the end of a
// thread. They must be of its own version.
var opened = []string{"libnss_files.so.2", "libnss_dns.so.2", "libgcc_s.so.1"}

// libraries adds to found the shared libraries, by the name they are asked for, that the program needs, and
// those that these need in turn, with the loader. All are looked for in t alone. Where one is not there, none
// is added.
func (t *tree) libraries(p *program, known map[string]*node) error {
	found := maps.Clone(known)
	if err := t.look(p, found); err != nil {
		return err
	}
	maps.Copy(known, found)
	return nil
}

func (t *tree) look(p *program, found map[string]*node) error {
	todo := []*program{p}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		add := func(soname string, n *node) error {
			found[soname] = n
			next, ok, err := openProgram(n.header.Name, n)
			if err != nil {
				return err
			}
			if ok {
				todo = append(todo, next)
			}
			return nil
		}
		if p.Interp != "" {
			loader := t.file(p.Interp)
			if loader == nil {
				return fmt.Errorf("%s: its loader %s is in none of the packages it needs", p.name, p.Interp)
			}
			if soname := path.Base(p.Interp); found[soname] == nil {
				if err := add(soname, loader); err != nil {
					return err
				}
			}
		}
		for _, soname := range p.Needed {
			if found[soname] != nil {
				continue
			}
			n, err := t.library(p, soname)
			if err != nil {
				return err
			}
			if n == nil {
				return fmt.Errorf("%s: the library %s is in none of the packages it needs", p.name, soname)
			}
			if err := add(soname, n); err != nil {
				return err
			}
			if soname != "libc.so.6" {
				continue
			}
			for _, extra := range opened {
				if found[extra] != nil {
					continue
				}
				if n, err := t.library(p, extra); err != nil {
					return err
				} else if n == nil {
					continue
				} else if err := add(extra, n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// library looks for a library as p's loader would, if the packages were installed.
func (t *tree) library(p *program, soname string) (*node, error) {
	if soname == "" || strings.ContainsAny(soname, "/\x00") || soname == "." || soname == ".." {
		return nil, fmt.Errorf("%s: it needs a library named %q; only plain names can be found", p.name, soname)
	}
	var dirs []string
	for _, dir := range p.Path {
		dirs = append(dirs, strings.NewReplacer("$ORIGIN", "/"+path.Dir(p.name), "${ORIGIN}", "/"+path.Dir(p.name)).Replace(dir))
	}
	triplet := map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}[p.Machine]
	dirs = append(dirs, "/usr/lib/"+triplet, "/usr/lib64", "/usr/lib")
	for _, dir := range dirs {
		n := t.file(path.Join(dir, soname))
		if n == nil {
			continue
		}
		lib, ok, err := openProgram(n.header.Name, n)
		if err != nil {
			return nil, err
		}
		if ok && lib.Machine == p.Machine {
			return n, nil
		}
	}
	return nil, nil
}

// program is an ELF file of a package, read to its end.
type program struct {
	*relink.Binary // closed: it cannot be relinked any more
	name           string
}

// openProgram reads what a file needs. It is not ok for what is not dynamically linked.
func openProgram(name string, n *node) (*program, bool, error) {
	f, err := os.Open(n.body)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	b, ok, err := relink.Open(f)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", n.header.Name, err)
	}
	return &program{b, strings.TrimPrefix(name, "/")}, ok, nil
}
