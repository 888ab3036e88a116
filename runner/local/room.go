package local

import (
	"syscall"

	"buildbisect/runner/backend"
)

// shortage says what of the disk of a folder is full, or where somebody has complained nearly so; "" if
// nothing is, or it is not known.
func shortage(dir string, complained bool) string {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return ""
	}
	place, size := "the disk of "+dir, int64(disk.Bsize)
	for _, r := range []backend.FreeSpace{
		{Place: place, Total: int64(disk.Blocks) * size, Left: int64(disk.Bavail) * size},
		{Place: place, Inodes: true, Total: int64(disk.Files), Left: int64(disk.Ffree)},
	} {
		if r.Total > 0 && r.Short(complained) { // some file systems do not count inodes
			return r.String()
		}
	}
	return ""
}
