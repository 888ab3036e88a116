package relink

import (
	"bytes"
	"context"
	"debug/elf"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is a small program as a linker would lay it out: never run, only read.
func sample() []byte {
	const strings = "\x00libc.so.6\x00/old\x00"
	const interp = "/lib64/ld-test.so.1\x00"
	const at = headerSize + 5*progSize // of interp; dynamic and strings follow
	dynamicAt := uint64(at + len(interp) + 4)
	stringsAt := dynamicAt + 6*dynSize
	size := stringsAt + uint64(len(strings))
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1,
		Phoff: headerSize, Ehsize: headerSize, Phentsize: progSize, Phnum: 5,
	}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	prog := func(kind elf.ProgType, at, n uint64) elf.Prog64 {
		return elf.Prog64{Type: uint32(kind), Off: at, Vaddr: at, Filesz: n, Memsz: n, Align: 1}
	}
	out := encode(nil, h)
	out = encode(out, []elf.Prog64{
		prog(elf.PT_INTERP, at, uint64(len(interp))), prog(elf.PT_LOAD, 0, size), prog(elf.PT_DYNAMIC, dynamicAt, 6*dynSize),
		prog(elf.PT_NOTE, 0, 0), prog(elf.PT_GNU_STACK, 0, 0),
	})
	out = append(out, interp+"\x00\x00\x00\x00"...)
	out = encode(out, []elf.Dyn64{
		{Tag: int64(elf.DT_NEEDED), Val: 1}, {Tag: int64(elf.DT_STRTAB), Val: stringsAt}, {Tag: int64(elf.DT_STRSZ), Val: uint64(len(strings))},
		{Tag: int64(elf.DT_RUNPATH), Val: 11}, {}, {},
	})
	return append(out, strings...)
}

// relinkBytes relinks a whole file in memory.
func relinkBytes(file []byte, dir string) ([]byte, bool, error) {
	b, ok, err := Open(bytes.NewReader(file))
	if err != nil || !ok {
		return nil, ok, err
	}
	r, err := b.Relink(int64(len(file)), dir)
	if err != nil {
		return nil, true, err
	}
	out, err := io.ReadAll(r.Reader())
	if err == nil && int64(len(out)) != r.Size {
		return nil, true, io.ErrUnexpectedEOF
	}
	return out, true, err
}

func TestAProgramAsksForItsLoaderAndLibrariesInTheFolder(t *testing.T) {
	out, ok, err := relinkBytes(sample(), "/own/lib")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	b, ok, err := Open(bytes.NewReader(out))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if b.Interp != "/own/lib/ld-test.so.1" || !slices.Equal(b.Needed, []string{"libc.so.6"}) || !slices.Equal(b.Path, []string{"/own/lib"}) {
		t.Errorf("it asks for %q, %q in %q", b.Interp, b.Needed, b.Path)
	}
	if !b.has(elf.DT_RPATH) || b.has(elf.DT_RUNPATH) {
		t.Error("want RPATH, and no RUNPATH, which would not hold for the libraries' own needs")
	}
	twice, _, err := relinkBytes(sample(), "/own/lib")
	if err != nil || !bytes.Equal(out, twice) {
		t.Errorf("another time it is another file; %v", err)
	}
	again, _, err := relinkBytes(out, "/elsewhere")
	if err == nil {
		b, _, err = Open(bytes.NewReader(again))
	}
	wantNone := "no program header can be spared"
	if err == nil || !strings.Contains(err.Error(), wantNone) {
		t.Errorf("without a note: got %v, want %q; path %v", err, wantNone, b.Path)
	}
}

func TestWhatIsNotLinkedAtRunTimeIsLeftAlone(t *testing.T) {
	static := sample()
	static[headerSize+2*progSize] = byte(elf.PT_NULL) // no dynamic table
	for name, file := range map[string][]byte{
		"empty": nil, "script": []byte("#!/bin/sh\n" + strings.Repeat("#", 100)), "short": []byte("\x7fELF"), "static": static,
	} {
		if _, ok, err := relinkBytes(file, "/own"); ok || err != nil {
			t.Errorf("%s: ok %v, %v", name, ok, err)
		}
		if interp, needed, err := Needed(bytes.NewReader(file)); interp != "" || needed != nil || err != nil {
			t.Errorf("%s: needs %q %q, %v", name, interp, needed, err)
		}
	}
}

func TestAForeignOrDamagedProgramIsAnError(t *testing.T) {
	for what, change := range map[string]func([]byte){
		"32-bit":                     func(b []byte) { b[elf.EI_CLASS] = byte(elf.ELFCLASS32) },
		"big-endian":                 func(b []byte) { b[elf.EI_DATA], b[16], b[17] = byte(elf.ELFDATA2MSB), 0, byte(elf.ET_DYN) },
		"of a strange size":          func(b []byte) { b[54] = 1 },
		"program headers: ":          func(b []byte) { b[39] = 0x10 },
		"dynamic table without":      func(b []byte) { b[headerSize+progSize] = byte(elf.PT_NOTE) },
		"more than one loader":       func(b []byte) { b[headerSize+3*progSize] = byte(elf.PT_INTERP); b[headerSize+3*progSize+32] = 5 },
		"without an end":             func(b []byte) { b[len(b)-1] = 'x' },
		"a string that is not there": func(b []byte) { b[headerSize+5*progSize+24+8+7] = 1 },
	} {
		file := sample()
		change(file)
		if _, _, err := relinkBytes(file, "/own"); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want an error that says %q", err, what)
		}
	}
	for _, dir := range []string{"", "relative", "/with:colon", "/$ORIGIN/x"} {
		if _, _, err := relinkBytes(sample(), dir); err == nil {
			t.Errorf("folder %q is accepted", dir)
		}
	}
}

// FuzzRelink never ends in a panic, nor takes more memory than a few times the file's size.
func FuzzRelink(f *testing.F) {
	f.Add(sample())
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		file := sample()
		for range 1 + random.IntN(4) {
			at := random.IntN(len(file))
			file[at] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(random.Uint32())}[random.IntN(6)]
		}
		f.Add(file[:len(file)-random.IntN(len(file))/8*random.IntN(2)])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		out, ok, err := relinkBytes(file, "/own/lib")
		if err != nil || !ok {
			return
		}
		if len(out) > 4*len(file)+256<<10 {
			t.Errorf("%d bytes became %d", len(file), len(out))
		}
		b, ok, err := Open(bytes.NewReader(out))
		if err != nil || !ok || !slices.Equal(b.Path, []string{"/own/lib"}) {
			t.Errorf("relinked, it is %v %v %+v", ok, err, b)
		}
	})
}

// TestThisMachinesProgramsRunWithLibrariesElsewhere moves the libraries of some programs of this machine.
// That programs of other releases run is shown beside the packages they come from.
func TestThisMachinesProgramsRunWithLibrariesElsewhere(t *testing.T) {
	ran := false
	for _, program := range []string{"/bin/ls", "/bin/sh", "/usr/bin/perl", "/usr/bin/git"} {
		file, err := os.ReadFile(program)
		if err != nil {
			continue
		}
		dir := filepath.Join(t.TempDir(), "lib")
		out, ok, err := relinkBytes(file, dir)
		if err != nil || !ok {
			t.Errorf("%s: %v %v", program, ok, err)
			continue
		}
		moved := filepath.Join(filepath.Dir(dir), filepath.Base(program))
		if err := errorsOf(os.Mkdir(dir, 0o755), os.WriteFile(moved, out, 0o755)); err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(output(t, program, "LD_TRACE_LOADED_OBJECTS=1"), -1) {
			lib, err := os.ReadFile(m[1])
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, filepath.Base(m[1])), lib, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for line := range strings.Lines(output(t, moved, "LD_TRACE_LOADED_OBJECTS=1")) {
			if !strings.Contains(line, dir) && !strings.Contains(line, "linux-vdso") {
				t.Errorf("%s loads %s", program, line)
			}
		}
		if got, want := output(t, moved, "A=1"), output(t, program, "A=1"); got != want {
			t.Errorf("%s prints %q, want %q", program, got, want)
		}
		// Debuggers read sections: they must see the same.
		e, err := elf.NewFile(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if path, err := e.DynString(elf.DT_RPATH); err != nil || !slices.Equal(path, []string{dir}) {
			t.Errorf("%s: by its sections its path is %q; %v", program, path, err)
		}
		before, err := elf.NewFile(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		was, _ := before.ImportedLibraries()
		if is, err := e.ImportedLibraries(); err != nil || !slices.Equal(is, was) {
			t.Errorf("%s: by its sections it needs %q, want %q; %v", program, is, was, err)
		}
		symbols, _ := before.DynamicSymbols()
		if moved, err := e.DynamicSymbols(); err != nil || !slices.Equal(moved, symbols) {
			t.Errorf("%s: its symbols are others; %v", program, err)
		}
		ran = true
	}
	if !ran {
		t.Skip("this machine has none of the programs")
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// output runs a program asking for its version or help, which any answers with some text.
func output(t *testing.T, program, env string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	args := []string{"--version"}
	if filepath.Base(program) == "sh" {
		args = []string{"-c", "echo $A"}
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{env}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}
