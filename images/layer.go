package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"buildbisect/images/cache"
)

// epoch is the one time that everything made here bears, in seconds since 1970: the day of Kubernetes' issue
// 98646. Not 0, which some tools take for "no time".
const epoch = 1612137600

func fixedTime() time.Time { return time.Unix(epoch, 0).UTC() }

// Layers are uncompressed tars: an engine on the same machine loads them faster, and no version of a
// compressor has a say in their digest.

// fileLayer is a layer that lies in the cache as a tar. It is checked against its digest as it is read.
type fileLayer struct {
	path string
	hash v1.Hash
	size int64
}

func (l *fileLayer) Digest() (v1.Hash, error)            { return l.hash, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)            { return l.hash, nil }
func (l *fileLayer) Size() (int64, error)                { return l.size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error) { return types.DockerUncompressedLayer, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)  { return l.Uncompressed() }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, l.rotten(err.Error())
	}
	return &checkedFile{file: f, layer: l, sum: sha256.New()}, nil
}

// intact reports whether the layer has not been found damaged.
func (l *fileLayer) intact() bool {
	return cache.Intact(l.path)
}

func (l *fileLayer) rotten(why string) error {
	return cache.Rotten(l.path, why)
}

// checkedFile reads a layer's file and says at its end whether it was what it should be. It has none of a
// file's other methods: a reader that seeks, or hands the file to the kernel, would pass the check by.
type checkedFile struct {
	file  *os.File
	layer *fileLayer
	sum   hash.Hash
	read  int64
	ended error // what the end of the file came to
}

func (f *checkedFile) Close() error { return f.file.Close() }

// Read gives the last bytes only when all of them are what they should be: who reads as many as it was told
// there are would not ask again, and a registry that has them all would answer for itself.
func (f *checkedFile) Read(p []byte) (int, error) {
	if f.ended != nil {
		return 0, f.ended
	}
	n, err := f.file.Read(p)
	f.sum.Write(p[:n])
	f.read += int64(n)
	if err != nil && err != io.EOF || err == nil && f.read < f.layer.size {
		return n, err
	}
	f.ended = io.EOF
	if got := hex.EncodeToString(f.sum.Sum(nil)); got != f.layer.hash.Hex {
		f.ended = f.layer.rotten(fmt.Sprintf("sha256 %s, want %s", got, f.layer.hash.Hex))
		return 0, f.ended
	}
	return n, f.ended
}

// linkLayer is a small layer of folders, links and whiteouts, held in memory.
type linkLayer struct {
	content []byte
	hash    v1.Hash
}

func (l *linkLayer) Digest() (v1.Hash, error)            { return l.hash, nil }
func (l *linkLayer) DiffID() (v1.Hash, error)            { return l.hash, nil }
func (l *linkLayer) Size() (int64, error)                { return int64(len(l.content)), nil }
func (l *linkLayer) MediaType() (types.MediaType, error) { return types.DockerUncompressedLayer, nil }
func (l *linkLayer) Compressed() (io.ReadCloser, error)  { return l.Uncompressed() }
func (l *linkLayer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.content)), nil
}

// newLinkLayer writes headers, which must have distinct names, in the order of their names.
func newLinkLayer(headers []tar.Header) (*linkLayer, error) {
	slices.SortFunc(headers, func(a, b tar.Header) int { return strings.Compare(a.Name, b.Name) })
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	for _, h := range headers {
		h.ModTime = fixedTime()
		if err := t.WriteHeader(&h); err != nil {
			return nil, fmt.Errorf("layer: %s: %w", h.Name, err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	l := &linkLayer{content: out.Bytes()}
	var err error
	l.hash, _, err = v1.SHA256(bytes.NewReader(l.content))
	return l, err
}
