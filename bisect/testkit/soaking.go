package testkit

import (
	"os"
	"strconv"
)

// Soaking reports whether this is make soak or make bench, where tests take their time.
func Soaking() bool {
	worlds, err := strconv.Atoi(os.Getenv("BISECT_WORLDS"))
	return err == nil && worlds >= 20_000 || os.Getenv("BISECT_BENCH") != ""
}
