package docker

import (
	"context"
	"fmt"
	"time"

	"buildbisect/images"
	"buildbisect/runner/backend"
)

// The tools of a check are no more to be trusted than a build. These are more than asking a tool for its
// version needs.
const (
	checkMemory = 2 << 30
	checkDisk   = 1 << 30
	checkPIDs   = 256
	// checkDeadline is for all checks of an image; each has a shorter one of its own.
	checkDeadline = 15 * time.Minute
)

// Check runs checks in a throw-away box of image, an id that Load gave: see [backend.CheckTools].
func (e *Engine) Check(ctx context.Context, image string, checks []images.Check) (err error) {
	if len(checks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, checkDeadline, fmt.Errorf("check the tools of image %s: they do not end within %s", image, checkDeadline))
	defer cancel()
	box, err := e.Start(ctx, backend.BoxSpec{Image: image, Network: "none", PIDs: checkPIDs, Memory: checkMemory, Disk: checkDisk})
	if err != nil {
		return fmt.Errorf("check the tools of image %s: %w", image, err)
	}
	defer func() {
		if closeErr := box.Close(); err == nil {
			err = closeErr
		}
	}()
	return backend.CheckTools(ctx, box, checks)
}
