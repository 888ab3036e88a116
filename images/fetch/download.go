package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// longest is the longest wait before another try, also where the server asks for a longer one.
const longest = time.Minute

// download fills one part from one URL.
type download struct {
	*Client // with no zero field but the functions
	url     *url.URL
	sum     string
	size    int64 // bytes; 0: unknown
	part    *part
	resumed bool   // the part holds the bytes of more than one answer
	etag    string // of the answer that began the part; "" if that was not in this call, or is no strong one
	page    bool   // the last answer called itself a page for people
	meter   meter
}

func (c *Client) download(u *url.URL, sum string, size int64, p *part) *download {
	full := *c
	full.HTTP = cmp.Or(c.HTTP, http.DefaultClient)
	full.Stall = cmp.Or(c.Stall, 30*time.Second)
	full.Tries = cmp.Or(c.Tries, 6)
	full.Delay = cmp.Or(c.Delay, time.Second)
	full.Limit = cmp.Or(c.Limit, 4<<30)
	return &download{
		Client: &full, url: u, sum: sum, size: size, part: p,
		resumed: p.size > 0, meter: meter{report: c.Progress},
	}
}

// lost is the end of a try after which another may do better.
type lost struct {
	why    error
	answer *http.Response // its header may ask for a wait; nil if there was none
}

func (e *lost) Error() string { return e.why.Error() }

// run returns when the part has the right sum.
func (d *download) run(ctx context.Context) error {
	again := true // what was resumed may be started anew once
	for idle := 0; ; {
		before := d.part.farthest
		err := d.try(ctx)
		if err == nil {
			switch got := d.part.digest(); {
			case got == d.sum:
				d.meter.end(d.part.size, d.part.size)
				return nil
			case d.resumed && again:
				again = false
				d.say("what there was of it does not fit; starting anew")
				if err := d.startAnew(); err != nil {
					return err
				}
				continue
			default:
				return errors.Join(&ChecksumError{Want: d.sum, Got: got, Page: d.page}, d.part.remove())
			}
		}
		l, ok := errors.AsType[*lost](err)
		if !ok {
			return err
		}
		if idle++; d.part.farthest > before {
			idle = 1
		}
		if idle >= d.Tries {
			goesOn := ""
			if d.part.size > 0 {
				goesOn = fmt.Sprintf(", and it goes on from byte %d", d.part.size)
			}
			return fmt.Errorf("%w, and %d tries in a row brought nothing new; check the network, or run again later%s", l.why, idle, goesOn)
		}
		wait := retryablehttp.DefaultBackoff(d.Delay, longest, idle-1, l.answer)
		if wait > longest {
			return fmt.Errorf("%w, and the server asks to wait for %s; run again then", l.why, wait.Round(time.Second))
		}
		d.say(fmt.Sprintf("%v; trying again in %s from byte %d", l.why, wait, d.part.size))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (d *download) startAnew() error {
	d.resumed, d.etag = false, ""
	return d.part.restart()
}

// limit is how many bytes the file may have.
func (d *download) limit() int64 {
	if d.size > 0 {
		return d.size
	}
	return d.Limit
}
