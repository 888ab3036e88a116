package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"buildbisect/images/catalogue"
	"buildbisect/images/fetch"
	"buildbisect/images/unpack"
)

// download has a tool from a release: one file of it, or for a tool that is a Tree a folder.
func (w *workshop) download(ctx context.Context, j job, r *catalogue.Release) (contents, error) {
	none := contents{}
	c, err := w.cache()
	if err != nil {
		return none, err
	}
	if w.offline {
		return none, &OfflineError{What: r.URL, Need: "it is not in the cache"}
	}
	j.say("downloading")
	client := &fetch.Client{Dir: filepath.Join(c.Root, "downloads"), Limit: w.most(), Progress: func(done, total int64) {
		j.note("downloading, " + share(done, total))
	}}
	if w.guarded {
		client.HTTP = &http.Client{Transport: w.guard()}
	}
	file, err := client.Get(ctx, r.URL, r.SHA256, 0)
	if err != nil {
		return none, err
	}
	archive := unpack.Archive{Path: file, Limit: w.most()}
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

// extractMember writes one file of an archive as a program.
func extractMember(ctx context.Context, a unpack.Archive, member, to string) (err error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return a.Member(ctx, member, out)
}
