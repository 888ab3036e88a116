package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/moby/moby/client"
	"golang.org/x/term"

	"buildbisect/runner/backend"
)

var _ backend.Terminal = (*box)(nil)

// Shell runs script on this process's terminal. All keys go to the box, Ctrl-C among them.
func (b *box) Shell(ctx context.Context, script string) error {
	what := fmt.Sprintf("shell in box %s", b.name)
	in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
	if !term.IsTerminal(in) || !term.IsTerminal(out) {
		return fmt.Errorf("%s: standard input and output are no terminal; start it from one", what)
	}
	size := func() client.ConsoleSize {
		width, height, err := term.GetSize(out)
		if err != nil {
			return client.ConsoleSize{}
		}
		return client.ConsoleSize{Width: uint(width), Height: uint(height)}
	}
	created, err := b.engine.cli.ExecCreate(ctx, b.id, client.ExecCreateOptions{
		AttachStdin: true, AttachStdout: true, AttachStderr: true, TTY: true, ConsoleSize: size(), WorkingDir: b.workdir,
		Env: append([]string{"TERM=" + os.Getenv("TERM")}, b.secrets...), Cmd: []string{"/bin/sh", "-c", "--", script},
	})
	if err != nil {
		return failed(ctx, ctx, what, err)
	}
	attached, err := b.engine.cli.ExecAttach(ctx, created.ID, client.ExecAttachOptions{TTY: true, ConsoleSize: size()})
	if err != nil {
		return failed(ctx, ctx, what, err)
	}
	defer attached.Close()
	before, err := term.MakeRaw(in)
	if err != nil {
		return fmt.Errorf("%s: terminal: %w", what, err)
	}
	defer func() { _ = term.Restore(in, before) }()

	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	// Reading the terminal cannot be broken off: it ends with this process, which has nothing to do after the
	// shell.
	go func() { _, _ = io.Copy(attached.Conn, os.Stdin) }()
	copied := make(chan error, 1)
	go func() { _, err := io.Copy(os.Stdout, attached.Reader); copied <- err }()
	for {
		select {
		case <-resized:
			now := size()
			_, _ = b.engine.cli.ExecResize(ctx, created.ID, client.ExecResizeOptions(now))
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-copied:
			if err != nil && !errors.Is(err, io.EOF) {
				return failed(ctx, ctx, what, err)
			}
			return nil
		}
	}
}
