package docker

import (
	"context"
	"strconv"
	"strings"

	"buildbisect/runner/backend"
)

// What a script's failure has to do with the engine's disk is asked of `df`, by its supervisor: every image
// that has sleep has that, too. What that says is confirmed from outside. See [backend.FreeSpace].

var (
	noSpaceWords = []string{backend.NoSpace}
	// The limit of one file, see [limit]: how it reads of whoever the kernel killed, and of who took an error
	// instead. The latter is said of uploads and requests as well, and only counts where so much was written.
	fileSignal = []string{"ile size limit exceeded"}
	fileLimits = []string{"ile too large"}
)

// rooms collects the rows of `df -P -k` and `df -P -i`.
type rooms struct {
	list   []backend.FreeSpace
	inodes bool
}

// read takes a line in words. What is no row, or of a file system that does not count, is passed over.
func (r *rooms) read(words []string) {
	if len(words) > 1 && words[0] == "Filesystem" {
		r.inodes = words[1] == "Inodes"
		return
	}
	// The name of a file system and its place may hold spaces; between them stand total, used, left and a
	// percentage.
	for i := 4; i < len(words)-1; i++ {
		total, err1 := strconv.ParseInt(words[i-3], 10, 64)
		left, err2 := strconv.ParseInt(words[i-1], 10, 64)
		if err1 != nil || err2 != nil || !strings.HasSuffix(words[i], "%") || total <= 0 {
			continue
		}
		if !r.inodes {
			total, left = total<<10, left<<10
		}
		r.list = append(r.list, backend.FreeSpace{Place: strings.Join(words[i+1:], " "), Inodes: r.inodes, Total: total, Left: max(left, 0)})
		return
	}
}

// shortage names the first file system that is full, or where somebody has complained nearly so; "" if there
// is none.
func (r *rooms) shortage(complained bool) string {
	for _, at := range r.list {
		if at.Short(complained) {
			return at.String()
		}
	}
	return ""
}

// confirmShortage asks from outside what the build's own df has said, which the build may have made say
// anything; "" if that is not so, or cannot be known.
func (b *box) confirmShortage(ctx context.Context, claimed string, complained bool) string {
	if b.meter == nil {
		return ""
	}
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	disks, err := b.meter.room(call)
	if err != nil && strings.Contains(err.Error(), backend.NoSpace) {
		return claimed // not even an empty container can start beside it
	}
	return disks.shortage(complained)
}
