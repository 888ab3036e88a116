package images

import (
	"net/http"
	"sync"

	"buildbisect/images/cache"
	"buildbisect/images/fetch"
)

// workshop is what all parts of a Builder share.
type workshop struct {
	dir      string // of the cache; "": the default
	offline  bool
	guarded  bool
	limit    int64 // bytes that an image, or a download, may unpack to; 0: any number
	out      func(line string)
	speaking sync.Mutex               // held while out runs
	guard    func() http.RoundTripper // the one way to the network, where guarded
}

// parts are what a Builder works with, each with what it has asked of the world once.
type parts struct {
	*workshop
	registry *registries
	debian   *debianArchives
	golang   *goTools
	held     *ledger
}

// parts are made when the Builder is first used, of what its fields say then.
func (b *Builder) parts() *parts {
	b.opening.Do(func() {
		w := &workshop{dir: b.Cache, offline: b.Offline, guarded: b.Guarded, limit: b.Room, out: b.Progress, guard: sync.OnceValue(fetch.Public)}
		held := &ledger{workshop: w, lock: b.Lock, locked: b.Locked, silent: b.Relock}
		b.made = &parts{
			workshop: w, held: held,
			registry: &registries{workshop: w, held: held},
			debian:   &debianArchives{workshop: w, Archives: b.Debian, fresh: b.Fresh},
			golang:   &goTools{workshop: w},
		}
	})
	return b.made
}

func (w *workshop) cache() (cache.Dir, error) {
	if w.dir != "" {
		return cache.Dir{Root: w.dir}, nil
	}
	dir, err := cache.Default()
	return cache.Dir{Root: dir}, err
}

// progress hands one line to the user of the Builder, one at a time.
func (w *workshop) progress(line string) {
	if w.out == nil {
		return
	}
	w.speaking.Lock()
	defer w.speaking.Unlock()
	w.out(line)
}
