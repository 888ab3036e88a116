package relink

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Binary is a dynamically linked program or library, as far as its loader reads it. The file is read by its
// program headers alone, as the kernel and the loader do; what its sections say may be missing or wrong.
// (debug/elf reads sections, and is not made for files that are not trusted: only its names and types are
// used here.)
type Binary struct {
	Machine elf.Machine
	Interp  string   // the loader it asks for; "" in most libraries
	Needed  []string // libraries by soname, in its order
	Path    []string // its own library path: RUNPATH, or else RPATH; $ORIGIN is not expanded

	from    io.ReaderAt
	header  elf.Header64
	progs   []elf.Prog64
	dynamic []elf.Dyn64 // without the DT_NULL at its end
	strings []byte      // dynstr; ends in 0
}

const (
	headerSize  = 64
	progSize    = 56
	dynSize     = 16
	sectionSize = 64

	maxInterp  = 4 << 10 // bytes, as in Linux: PATH_MAX
	maxDynamic = 1 << 20
	maxStrings = 256 << 20 // what is there is read, not more: a limit, not an allocation
)

// Open reads a program or library. It is not ok for what is no such thing: scripts, static programs, objects.
func Open(r io.ReaderAt) (b *Binary, ok bool, err error) {
	start := make([]byte, headerSize)
	if _, err := r.ReadAt(start, 0); errors.Is(err, io.EOF) || err == nil && !bytes.HasPrefix(start, []byte(elf.ELFMAG)) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, fmt.Errorf("elf: %w", err)
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if elf.Data(start[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	if t := elf.Type(order.Uint16(start[16:])); t != elf.ET_EXEC && t != elf.ET_DYN {
		return nil, false, nil
	}
	if elf.Class(start[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(start[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return nil, false, errors.New("elf: a 32-bit or big-endian program; only 64-bit little-endian ones (amd64, arm64) can be read")
	}
	b = &Binary{from: r}
	decode(start, &b.header)
	b.Machine = elf.Machine(b.header.Machine)
	if ok, err = b.read(); err != nil {
		return nil, false, fmt.Errorf("elf: damaged: %w", err)
	}
	return b, ok, nil
}

// Needed returns the loader that a program asks for, and the libraries it needs, by soname; for what is not
// dynamically linked, nothing.
func Needed(r io.ReaderAt) (interp string, sonames []string, err error) {
	b, ok, err := Open(r)
	if err != nil || !ok {
		return "", nil, err
	}
	return b.Interp, b.Needed, nil
}

// read reads the program headers and what they lead to. It is not ok without a dynamic table.
func (b *Binary) read() (ok bool, err error) {
	n := uint64(b.header.Phnum)
	if n == 0 {
		return false, nil
	}
	if b.header.Phentsize != progSize || n == math.MaxUint16 {
		return false, errors.New("program headers of a strange size")
	}
	raw, err := b.part(b.header.Phoff, n*progSize)
	if err != nil {
		return false, fmt.Errorf("program headers: %w", err)
	}
	b.progs = make([]elf.Prog64, n)
	decode(raw, b.progs)

	dynamic := 0
	for _, p := range b.progs {
		switch elf.ProgType(p.Type) {
		case elf.PT_INTERP:
			if p.Filesz > maxInterp || b.Interp != "" {
				return false, errors.New("more than one loader, or one with a name too long")
			}
			raw, err := b.part(p.Off, p.Filesz)
			if err != nil {
				return false, fmt.Errorf("loader: %w", err)
			}
			if b.Interp = strings.TrimRight(string(raw), "\x00"); b.Interp == "" || strings.Contains(b.Interp, "\x00") {
				return false, errors.New("loader without a name")
			}
		case elf.PT_DYNAMIC:
			if dynamic++; dynamic > 1 || p.Filesz > maxDynamic {
				return false, errors.New("more than one dynamic table, or one too long")
			}
			raw, err := b.part(p.Off, p.Filesz/dynSize*dynSize)
			if err != nil {
				return false, fmt.Errorf("dynamic table: %w", err)
			}
			b.dynamic = make([]elf.Dyn64, len(raw)/dynSize)
			decode(raw, b.dynamic)
		}
	}
	if dynamic == 0 {
		return false, nil
	}
	for i, d := range b.dynamic {
		if elf.DynTag(d.Tag) == elf.DT_NULL {
			b.dynamic = b.dynamic[:i]
			break
		}
	}
	// A static program that can lie at any address has a dynamic table, but nobody who reads it.
	if b.Interp == "" && !b.has(elf.DT_NEEDED) && !b.has(elf.DT_SONAME) {
		return false, nil
	}
	return true, b.readDynamic()
}

func (b *Binary) readDynamic() error {
	var at, n uint64
	for _, d := range b.dynamic {
		switch elf.DynTag(d.Tag) {
		case elf.DT_STRTAB:
			at = d.Val
		case elf.DT_STRSZ:
			n = d.Val
		}
	}
	off, ok := b.offset(at, n)
	if !ok || at == 0 || n == 0 || n > maxStrings {
		return errors.New("dynamic table without its strings")
	}
	var err error
	if b.strings, err = b.part(off, n); err != nil {
		return fmt.Errorf("dynamic strings: %w", err)
	}
	if b.strings[n-1] != 0 {
		return errors.New("dynamic strings without an end")
	}
	var rpath, runpath string
	for _, d := range b.dynamic {
		var to *string
		switch elf.DynTag(d.Tag) {
		case elf.DT_RPATH:
			to = &rpath
		case elf.DT_RUNPATH:
			to = &runpath
		case elf.DT_NEEDED:
			to = new(string)
		default:
			continue
		}
		if d.Val >= n {
			return errors.New("dynamic table with a string that is not there")
		}
		s, _, _ := bytes.Cut(b.strings[d.Val:], []byte{0})
		*to = string(s)
		if elf.DynTag(d.Tag) == elf.DT_NEEDED {
			b.Needed = append(b.Needed, *to)
		}
	}
	if runpath == "" {
		runpath = rpath
	}
	if runpath != "" {
		b.Path = strings.Split(runpath, ":")
	}
	return nil
}

func (b *Binary) has(tag elf.DynTag) bool {
	for _, d := range b.dynamic {
		if elf.DynTag(d.Tag) == tag {
			return true
		}
	}
	return false
}

// offset returns where in the file the n bytes at an address are.
func (b *Binary) offset(addr, n uint64) (uint64, bool) {
	for _, p := range b.progs {
		if elf.ProgType(p.Type) == elf.PT_LOAD && addr >= p.Vaddr && n <= p.Filesz && addr-p.Vaddr <= p.Filesz-n {
			return p.Off + (addr - p.Vaddr), true
		}
	}
	return 0, false
}

// part reads n bytes of the file. However large n is, no more memory is taken than the file has.
func (b *Binary) part(off, n uint64) ([]byte, error) {
	if off > math.MaxInt64/2 || n > math.MaxInt64/2 {
		return nil, io.ErrUnexpectedEOF
	}
	raw, err := io.ReadAll(io.NewSectionReader(b.from, int64(off), int64(n)))
	if err == nil && uint64(len(raw)) < n {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}

type sectionKind int

const (
	sectionDynamic sectionKind = iota + 1
	sectionStrings
	sectionInterp
)

// sections returns the section headers of what relinking moves, as change has changed them. They serve tools,
// not the loader: a file without them is fine.
func (b *Binary) sections(size int64, change func(*elf.Section64, sectionKind)) ([]edit, error) {
	h := b.header
	if h.Shoff == 0 || h.Shnum == 0 {
		return nil, nil
	}
	if h.Shentsize != sectionSize || h.Shoff > uint64(size) || uint64(h.Shnum)*sectionSize > uint64(size)-h.Shoff {
		return nil, errors.New("section headers of a strange size, or behind its end")
	}
	raw, err := b.part(h.Shoff, uint64(h.Shnum)*sectionSize)
	if err != nil {
		return nil, fmt.Errorf("section headers: %w", err)
	}
	list := make([]elf.Section64, h.Shnum)
	decode(raw, list)
	kinds := map[uint32]sectionKind{}
	for i, s := range list {
		switch {
		case elf.SectionType(s.Type) == elf.SHT_DYNAMIC:
			kinds[uint32(i)] = sectionDynamic
			if s.Link < uint32(len(list)) && elf.SectionType(list[s.Link].Type) == elf.SHT_STRTAB {
				kinds[s.Link] = sectionStrings
			}
		case b.Interp != "" && elf.SectionType(s.Type) == elf.SHT_PROGBITS && b.isInterp(s):
			kinds[uint32(i)] = sectionInterp
		}
	}
	var edits []edit
	for i := range list {
		if kind := kinds[uint32(i)]; kind != 0 {
			change(&list[i], kind)
			edits = append(edits, edit{int64(h.Shoff) + int64(i)*sectionSize, encode(nil, list[i])})
		}
	}
	return edits, nil
}

func (b *Binary) isInterp(s elf.Section64) bool {
	for _, p := range b.progs {
		if elf.ProgType(p.Type) == elf.PT_INTERP {
			return p.Off == s.Off && p.Filesz == s.Size
		}
	}
	return false
}

// decode reads v, which has only fields of fixed size, from as many bytes as it needs.
func decode(raw []byte, v any) {
	if _, err := binary.Decode(raw, binary.LittleEndian, v); err != nil {
		panic(err) // a caller of this package gave too few bytes
	}
}
