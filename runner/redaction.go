package runner

import "io"

// redaction hides secrets in a stream, wherever the stream is cut into writes. It holds back only what may be the beginning
// of a secret, until it is known whether it is: less than the longest word that is hidden, or thrice that where lines may be
// broken in it. It serves the stages of a trial one after the other, so that a secret of which each of two stages prints a half
// is not whole in the log.
type redaction struct {
	secrets *Secrets
	w       io.Writer

	text   []byte // the end of the stream: what a secret may begin in that goes on later
	done   int    // bytes of text that have been passed on, or hidden
	hidden int    // bytes of text that belong to secrets found already
	hiding bool   // what was passed on last is the sign for a secret: one that follows at once needs no other
}

// Write passes on what can be. It never returns a short count.
func (r *redaction) Write(p []byte) (int, error) {
	if r.secrets == nil {
		return r.w.Write(p)
	}
	r.text = append(r.text, p...)
	open := r.secrets.open(r.text)
	spans := r.spans()
	err := r.pass(spans, open)
	r.hidden = 0
	for _, s := range spans {
		if s.from <= open && s.to > open {
			r.hidden = s.to - open
		}
	}
	r.text = append(r.text[:0], r.text[open:]...)
	r.done = max(0, r.done-open)
	return len(p), err
}

// Flush passes on what is held back. What it turns out to be the beginning of is hidden from there on.
func (r *redaction) Flush() error {
	if r.secrets == nil {
		return nil
	}
	return r.pass(r.spans(), len(r.text))
}

func (r *redaction) spans() []span {
	found := r.secrets.find(r.text)
	if r.hidden > 0 {
		found = joined(append(found, span{0, r.hidden}))
	}
	return found
}

// pass passes the text on up to end, but what lies in spans.
func (r *redaction) pass(spans []span, end int) error {
	var out []byte
	plain := func(to int) {
		if to = min(to, end); to > r.done {
			out, r.hiding, r.done = append(out, r.text[r.done:to]...), false, to
		}
	}
	for _, s := range spans {
		plain(s.from)
		if to := min(s.to, end); to > r.done && s.from <= r.done {
			if !r.hiding {
				out = append(out, redacted...)
			}
			r.hiding, r.done = true, to
		}
	}
	plain(end)
	if len(out) == 0 {
		return nil
	}
	_, err := r.w.Write(out)
	return err
}
