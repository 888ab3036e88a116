package fetch

import "time"

// meter hands on how far the download is, at most four times a second.
type meter struct {
	report func(done, total int64)
	last   time.Time
}

func (m *meter) at(done, total int64) {
	if m.report != nil && time.Since(m.last) >= time.Second/4 {
		m.end(done, total)
	}
}

func (m *meter) end(done, total int64) {
	if m.report != nil {
		m.last = time.Now()
		m.report(done, total)
	}
}
