// Package relink makes a dynamically linked executable use a loader and libraries of its own, in a folder of
// its own, whatever the system around it has: the file asks for its loader there (PT_INTERP), and looks there
// first for every library that it, or any library it loads, needs (DT_RPATH).
//
// It does what patchelf does with --set-interpreter, --set-rpath and --force-rpath. It is not patchelf,
// because builder images must be the same to the bit whoever makes them: patchelf's output differs from
// version to version, and it would be one more thing to install.
//
// Nothing in the file moves. What is new goes, page-aligned, behind its end; the program header of one of its
// notes is given up to map it. The section headers of .interp, .dynamic and .dynstr follow, so that debuggers
// see what the loader sees. A debugger or a core dump may miss the note: usually that with the build id.
//
// Limits: 64-bit little-endian ELF (amd64, arm64). What a program opens by an absolute path, as glibc does
// with character set modules and locales, still comes from the system around it. Files are not trusted: a
// damaged one is an error.
package relink

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"
)

// Relinked is the new file. It reads the old one, which must stay open, and may be read many times.
type Relinked struct {
	Size int64 // bytes

	from  io.ReaderAt
	old   int64  // size of the old file
	edits []edit // within the old file, sorted, apart
	tail  []byte // behind the old file, with the padding
}

// edit replaces bytes of the old file.
type edit struct {
	at    int64
	bytes []byte
}

// Reader reads the new file from its start.
func (r *Relinked) Reader() io.Reader {
	var parts []io.Reader
	at := int64(0)
	for _, e := range r.edits {
		parts = append(parts, io.NewSectionReader(r.from, at, e.at-at), bytes.NewReader(e.bytes))
		at = e.at + int64(len(e.bytes))
	}
	return io.MultiReader(append(parts, io.NewSectionReader(r.from, at, r.old-at), bytes.NewReader(r.tail))...)
}

// Relink returns b, a file of size bytes, with its loader and libraries in dir, an absolute path. The loader
// keeps its base name. What has no loader, a library, gets the library path alone. Any library path it had is
// gone: RPATH counts only where there is no RUNPATH.
func (b *Binary) Relink(size int64, dir string) (*Relinked, error) {
	if !path.IsAbs(dir) || strings.ContainsAny(dir, ":;$\x00") {
		return nil, fmt.Errorf("relink: folder %q: want an absolute path without ':', ';' and '$'", dir)
	}
	r, err := b.relink(size, path.Clean(dir))
	if err != nil {
		return nil, fmt.Errorf("relink: %w", err)
	}
	return r, nil
}

func (b *Binary) relink(size int64, dir string) (*Relinked, error) {
	page := b.page()
	at, end, err := b.room(size, page)
	if err != nil {
		return nil, err
	}

	// The blob: interp, dynamic, dynstr, in one segment that can be written: the loader writes into dynamic.
	var blob []byte
	interp := append([]byte(path.Join(dir, path.Base(b.Interp))), 0)
	if b.Interp != "" {
		blob = append(blob, interp...)
	}
	blob = append(blob, make([]byte, roundUp(uint64(len(blob)), 16)-uint64(len(blob)))...)
	dynamicAt := uint64(len(blob))
	rpath := uint64(len(b.strings))
	dynstr := slices.Concat(b.strings, []byte(dir), []byte{0})
	dynamic := make([]elf.Dyn64, 0, len(b.dynamic)+2)
	for _, d := range b.dynamic {
		switch elf.DynTag(d.Tag) {
		case elf.DT_RPATH, elf.DT_RUNPATH:
		default:
			dynamic = append(dynamic, d)
		}
	}
	dynamic = append(dynamic, elf.Dyn64{Tag: int64(elf.DT_RPATH), Val: rpath}, elf.Dyn64{Tag: int64(elf.DT_NULL)})
	dynamicSize := uint64(len(dynamic)) * dynSize
	stringsAt := dynamicAt + dynamicSize
	for i := range dynamic {
		switch elf.DynTag(dynamic[i].Tag) {
		case elf.DT_STRTAB:
			dynamic[i].Val = end + stringsAt
		case elf.DT_STRSZ:
			dynamic[i].Val = uint64(len(dynstr))
		}
	}
	blob = append(encode(blob, dynamic), dynstr...)

	// place tells a header of its new place.
	place := func(p elf.Prog64, from, n uint64) elf.Prog64 {
		p.Off, p.Vaddr, p.Paddr, p.Filesz, p.Memsz = at+from, end+from, end+from, n, n
		return p
	}
	progs := make([]elf.Prog64, 0, len(b.progs))
	spare := b.spare()
	if spare < 0 {
		return nil, errors.New("no program header can be spared for the new segment; the file has no note")
	}
	last := b.lastLoad()
	for i, p := range b.progs {
		switch elf.ProgType(p.Type) {
		case elf.PT_INTERP:
			p = place(p, 0, uint64(len(interp)))
		case elf.PT_DYNAMIC:
			p = place(p, dynamicAt, dynamicSize)
		}
		if i != spare {
			progs = append(progs, p)
		}
		if i == last {
			load := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Align: page}
			progs = append(progs, place(load, 0, uint64(len(blob))))
		}
	}

	r := &Relinked{from: b.from, old: size, edits: []edit{{int64(b.header.Phoff), encode(nil, progs)}}}
	sections, err := b.sections(size, func(s *elf.Section64, kind sectionKind) {
		from, n := dynamicAt, dynamicSize
		switch kind {
		case sectionInterp:
			from, n = 0, uint64(len(interp))
		case sectionStrings:
			from, n = stringsAt, uint64(len(dynstr))
		}
		s.Addr, s.Off, s.Size = end+from, at+from, n
	})
	if err != nil {
		return nil, err
	}
	r.edits = append(r.edits, sections...)
	slices.SortFunc(r.edits, func(a, b edit) int { return cmp.Compare(a.at, b.at) })
	for i, e := range r.edits {
		if e.at+int64(len(e.bytes)) > size || i > 0 && r.edits[i-1].at+int64(len(r.edits[i-1].bytes)) > e.at {
			return nil, errors.New("its header tables overlap, or lie behind its end")
		}
	}
	r.tail = append(make([]byte, at-uint64(size)), blob...)
	r.Size = size + int64(len(r.tail))
	return r, nil
}

// room returns the offset and the address of the new segment: behind all there is. The headers of segments
// stay in the order of their addresses, as ELF demands.
func (b *Binary) room(size int64, page uint64) (at, end uint64, err error) {
	const most = math.MaxInt64 / 4 // leaves every sum below the point of overflow
	for _, p := range b.progs {
		if elf.ProgType(p.Type) != elf.PT_LOAD {
			continue
		}
		if p.Vaddr > most || p.Memsz > most || p.Filesz > p.Memsz || p.Vaddr < end {
			return 0, 0, errors.New("its segments are out of order, or out of all bounds")
		}
		end = p.Vaddr + p.Memsz
	}
	if end == 0 || size <= 0 || size > most {
		return 0, 0, errors.New("it has no segments")
	}
	return roundUp(uint64(size), page), roundUp(end, page), nil
}

// page is the largest page that a kernel for the machine may have, in bytes.
func (b *Binary) page() uint64 {
	if b.Machine == elf.EM_X86_64 {
		return 4 << 10
	}
	return 64 << 10
}

// spare is the index of a program header that a program runs without, or -1.
func (b *Binary) spare() int {
	for _, kind := range []elf.ProgType{elf.PT_NULL, elf.PT_NOTE, elf.PT_GNU_PROPERTY} {
		for i, p := range slices.Backward(b.progs) {
			if elf.ProgType(p.Type) == kind {
				return i
			}
		}
	}
	return -1
}

func (b *Binary) lastLoad() int {
	last := -1
	for i, p := range b.progs {
		if elf.ProgType(p.Type) == elf.PT_LOAD {
			last = i
		}
	}
	return last
}

func roundUp(n, to uint64) uint64 { return (n + to - 1) / to * to }

// encode appends v, which has only fields of fixed size, to buf.
func encode(buf []byte, v any) []byte {
	buf, err := binary.Append(buf, binary.LittleEndian, v)
	if err != nil {
		panic(err) // a type of this package is not of fixed size
	}
	return buf
}
