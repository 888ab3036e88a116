package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"
)

// usual is how many worlds a property is tried on that is neither slow nor of a small part of the search.
const usual = 20_000

// eachWorld checks a property on a tenth of n random worlds. BISECT_WORLDS sets a number in place of the
// usual one, and all others in proportion; BISECT_SEED tries only the world of that seed.
func eachWorld(t *testing.T, n int, has features, check func(t *testing.T, r *rand.Rand, w *world)) {
	t.Helper()
	if given, err := strconv.Atoi(os.Getenv("BISECT_WORLDS")); err == nil {
		n = max(1, n*given/usual)
	} else {
		n /= 10
	}
	if seed, err := strconv.ParseUint(os.Getenv("BISECT_SEED"), 10, 64); err == nil {
		tryWorld(t, seed, has, check)
		return
	}
	shards := runtime.GOMAXPROCS(0)
	for shard := range shards {
		t.Run(fmt.Sprintf("%d of %d", shard+1, shards), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < n && !t.Failed(); seed += shards {
				tryWorld(t, uint64(seed), has, check)
			}
		})
	}
}

// patience is how long one world may take; a search that never comes back would otherwise not say in which.
const patience = time.Minute

func tryWorld(t *testing.T, seed uint64, has features, check func(t *testing.T, r *rand.Rand, w *world)) {
	r := rand.New(rand.NewPCG(seed, 98646))
	w := randomWorld(r, has)
	alarm := time.AfterFunc(patience, func() { panic(fmt.Sprintf("%s: seed %d: no end", t.Name(), seed)) })
	defer alarm.Stop()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if t.Failed() {
			t.Logf("seed %d: %v", seed, w)
		}
	}()
	check(t, r, w)
}
