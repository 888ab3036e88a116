package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// try asks the server once for what the part lacks. It returns nil when the part is as long as the file.
func (d *download) try(ctx context.Context) error {
	if d.size > 0 && d.part.size == d.size {
		return nil
	}
	stalled := fmt.Errorf("the server sent nothing for %s", d.Stall)
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(d.Stall, func() { cancel(stalled) })
	defer stall.Stop()

	resp, err := d.ask(watched)
	if err == nil && resp != nil {
		err = d.take(resp, stall)
		resp.Body.Close()
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && context.Cause(watched) == stalled:
		return &lost{why: stalled}
	}
	return err
}

// ask returns an answer that may go on where the part ends, or nil if the part is already at least as long as
// the file. The caller closes its body.
func (d *download) ask(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "bisect")
	req.Header.Set("Accept-Encoding", "identity") // or Go's transport would ask for gzip and unpack it
	if d.part.size > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.part.size))
		if d.etag != "" {
			req.Header.Set("If-Range", d.etag)
		}
	}
	resp, err := d.HTTP.Do(req)
	if err != nil {
		again, _ := retryablehttp.DefaultRetryPolicy(ctx, nil, err)
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the URL in it may be that of a redirection, with a key in it
		}
		if again && !isNotPublic(err) {
			err = &lost{why: err}
		}
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return resp, nil
	case http.StatusRequestedRangeNotSatisfiable:
		if d.part.size > 0 {
			return nil, resp.Body.Close()
		}
	}
	defer resp.Body.Close()
	err = statusError(resp)
	if again, _ := retryablehttp.DefaultRetryPolicy(ctx, resp, nil); again {
		err = &lost{err, resp}
	}
	return nil, err
}

// take puts an answer's bytes into the part. The timer runs while it waits for them.
func (d *download) take(resp *http.Response, stall *time.Timer) error {
	total := max(resp.ContentLength, 0) // bytes of the whole file; 0: not known
	if resp.StatusCode == http.StatusPartialContent {
		var first, last int64
		total = 0
		given := resp.Header.Get("Content-Range")
		_, _ = fmt.Sscanf(given, "bytes %d-%d/%d", &first, &last, &total) // a server may say * for the total
		if first != d.part.size {
			why := fmt.Errorf("asked for the bytes from %d on, the server sent %q", d.part.size, given)
			return errors.Join(&lost{why: why}, d.startAnew())
		}
	}
	if d.size > 0 && total > 0 && total != d.size {
		return fmt.Errorf("the file there has %d bytes, want %d; correct the size if that file is meant", total, d.size)
	}
	if total = max(total, d.size); total > d.limit() {
		return fmt.Errorf("the file there has %d bytes, and at most %d are allowed for it", total, d.limit())
	}

	if resp.StatusCode == http.StatusPartialContent {
		d.resumed = true
	} else {
		if d.part.size > 0 {
			d.say("the server does not resume; starting anew")
		}
		if err := d.startAnew(); err != nil {
			return err
		}
		if tag := resp.Header.Get("ETag"); strings.HasPrefix(tag, `"`) {
			d.etag = tag
		}
	}
	d.page = strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")

	for buf := make([]byte, 64<<10); ; {
		stall.Reset(d.Stall)
		n, err := resp.Body.Read(buf)
		stall.Stop() // a slow disk is not the server's fault
		if _, err := d.part.Write(buf[:n]); err != nil {
			return err
		}
		d.meter.at(d.part.size, total)
		switch {
		case d.part.size > d.limit():
			why := fmt.Errorf("the server sends more than the %d bytes that are allowed for it", d.limit())
			return errors.Join(why, d.startAnew())
		case err == io.EOF && d.part.size < total:
			return &lost{why: fmt.Errorf("the server sent %d bytes of %d", d.part.size, total)}
		case err == io.EOF:
			return nil
		case err != nil:
			return &lost{why: err}
		}
	}
}
