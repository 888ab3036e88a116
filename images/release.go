package images

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dustin/go-humanize"

	"buildbisect/images/catalogue"
	"buildbisect/images/fetch"
	"buildbisect/images/unpack"
)

// download has a tool from a release: one file of it, or for a tool that is a Tree a folder.
func (b *Builder) download(ctx context.Context, j job, r *catalogue.Release) (contents, error) {
	none := contents{}
	c, err := b.cache()
	if err != nil {
		return none, err
	}
	if b.Offline {
		return none, &OfflineError{What: r.URL, Need: "it is not in the cache"}
	}
	j.say("downloading")
	client := &fetch.Client{Dir: filepath.Join(c.Root, "downloads"), Limit: b.most(), Progress: func(done, total int64) {
		j.note("downloading, " + share(done, total))
	}}
	if b.Guarded {
		client.HTTP = &http.Client{Transport: b.public()}
	}
	file, err := client.Get(ctx, r.URL, r.SHA256, 0)
	if err != nil {
		return none, err
	}
	archive := unpack.Archive{Path: file, Limit: b.most()}
	if j.tool.Tree != "" {
		return folderOf(j.tool), archive.Tree(ctx, r.Member, func(h *tar.Header, in io.Reader) error { return j.w.add(*h, in) })
	}
	return single(j, func(to string) error { return extractMember(ctx, archive, r.Member, to) })
}

// share says how far a download is; a total that nobody has told is 0.
func share(done, total int64) string {
	if total <= 0 {
		return humanize.Bytes(uint64(done))
	}
	return fmt.Sprintf("%s of %s", humanize.Bytes(uint64(done)), humanize.Bytes(uint64(total)))
}

// takeModule has a tool from a module as it lies there, fetched and checked by the go command.
func (b *Builder) takeModule(ctx context.Context, j job, m *catalogue.Module) (contents, error) {
	none := contents{}
	g, err := b.goTool(ctx)
	if err != nil {
		return none, err
	}
	cmd := command(ctx, syscall.SIGINT, "go", "mod", "download", "-json", m.Path+"@"+m.Version)
	cmd.Dir = j.scratch
	// Into a folder that is removed: the user's would keep it, unpacked, for good. What lies in the user's is
	// taken from there. The sum is checked below, so no other's word is needed for it.
	proxies := "file://" + filepath.ToSlash(g.modules) + "/cache/download"
	if !b.Offline {
		proxies += "," + g.proxy
	}
	env := g.env
	if b.Guarded { // no server that the module's path names: only the user's proxies, and no program that speaks to others
		proxies = withoutDirect(proxies)
		env = append(slices.Clone(env), "GOVCS=*:off", "GONOPROXY=none", "GOPRIVATE=", "GOINSECURE=")
	}
	cmd.Env = slices.Concat(env, []string{"PWD=" + j.scratch, "GOMODCACHE=" + filepath.Join(j.scratch, "modules"), "GOPROXY=" + proxies, "GONOSUMDB=" + m.Path})
	var said lines
	said.each = func(string) {}
	cmd.Stderr = &said
	j.say("fetching module " + m.Path + "@" + m.Version)
	out, err := cmd.Output()
	var got struct{ Zip, Sum, Error string }
	_ = json.Unmarshal(out, &got) // what it says is more telling than how it ends
	switch {
	case ctx.Err() != nil:
		return none, context.Cause(ctx)
	case b.Offline && got.Error != "":
		return none, &OfflineError{What: "module " + m.Path, Need: "it is not in this machine's module cache"}
	case got.Error != "":
		return none, fmt.Errorf("go mod download: %s", got.Error)
	case err != nil:
		return none, fmt.Errorf("go mod download: %w: %s", err, said.tail(4, func(string) bool { return true }))
	case got.Sum != m.Sum:
		return none, fmt.Errorf("the module has the sum %s, and %s is asked for; correct the one, or do not trust the other", got.Sum, m.Sum)
	}
	j.say("unpacking")
	zip := unpack.Archive{Path: got.Zip, Executable: executable, Limit: b.most()}
	if j.tool.Tree == "" {
		return single(j, func(to string) error {
			return extractMember(ctx, zip, path.Join(m.Path+"@"+m.Version, j.tool.Program), to)
		})
	}
	return folderOf(j.tool), zip.Tree(ctx, m.Path+"@"+m.Version, func(h *tar.Header, in io.Reader) error {
		dir, base := path.Split(h.Name)
		if base != "_go.mod" {
			return j.w.add(*h, in)
		}
		// No module's zip can hold another's go.mod: it lies there under this name, and the go command puts
		// it back.
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		back := *h
		back.Name = dir + "go.mod"
		return errors.Join(j.w.add(*h, bytes.NewReader(content)), j.w.add(back, bytes.NewReader(content)))
	})
}

// withoutDirect leaves out of a GOPROXY list what is no proxy.
func withoutDirect(proxies string) string {
	words := strings.FieldsFunc(proxies, func(r rune) bool { return r == ',' || r == '|' })
	words = slices.DeleteFunc(words, func(word string) bool { return strings.TrimSpace(word) == "direct" })
	return strings.Join(words, ",")
}

// executable is what the go command makes executable of a toolchain module, whose zip has no modes.
func executable(name string) bool {
	dir := path.Dir(name)
	inLib, _ := path.Match("go_?*_?*_exec", path.Base(name))
	return strings.HasPrefix(name, "bin/") || path.Dir(dir) == "pkg/tool" || strings.HasPrefix(name, "lib/") && inLib
}

// extractMember writes one file of an archive as a program.
func extractMember(ctx context.Context, a unpack.Archive, member, to string) (err error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return a.Member(ctx, member, out)
}
