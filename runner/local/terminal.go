package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"buildbisect/runner/backend"
)

var _ backend.Terminal = (*box)(nil)

// Shell runs script on this process's terminal, with the environment of the box. What it leaves running ends
// with the box.
func (b *box) Shell(ctx context.Context, script string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", shell, "sh", "-c", "--", script)
	cmd.Dir, cmd.Env = b.work(), append(b.env, "TERM="+os.Getenv("TERM"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := b.start(cmd); err != nil {
		return infrastructuref("shell in box %s: %w", b.name, errors.Join(b.there("shell"), err))
	}
	err := cmd.Wait()
	b.engine.waited(cmd.Process.Pid)
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) && ctx.Err() == nil {
		return nil // with the status of the last thing that was typed
	} else if err != nil {
		return fmt.Errorf("shell in box %s: %w", b.name, errors.Join(context.Cause(ctx), err))
	}
	return nil
}
