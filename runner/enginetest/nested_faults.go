package enginetest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// What may happen to a nested engine.

// Start starts the engine, for the first time or after [Nest.Stop] or [Nest.Cut], with all that it had. What
// containers still run it stops, as an engine does without live-restore: it gives them 10 s for it, and boxes
// do not listen. It returns when the engine answers.
func (n *Nest) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nestDeadline)
	defer cancel()
	if err := n.exec(ctx, nestScript, strconv.Itoa(os.Getgid())); err != nil {
		return fmt.Errorf("start the nested engine: %w", err)
	}
	own, err := client.New(client.WithHost(n.Host))
	if err != nil {
		return err
	}
	defer own.Close()
	return until(ctx, "the nested engine does not answer", func() bool {
		_, err := own.Ping(ctx, client.PingOptions{})
		return err == nil
	})
}

// Stop kills the engine, as a crash does: containers that run in it run on, until it starts again. It returns
// when nobody listens any more.
func (n *Nest) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nestDeadline)
	defer cancel()
	if err := n.signal(ctx, "KILL"); err != nil {
		return err
	}
	return n.silent(ctx)
}

// Cut kills the engine with all that runs in it, as the end of its machine's power does, and returns when
// nobody listens any more.
func (n *Nest) Cut(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nestDeadline)
	defer cancel()
	if err := n.exec(ctx, "kill -KILL -1", ""); err != nil { // spares the first process, and itself
		return err
	}
	return n.silent(ctx)
}

func (n *Nest) silent(ctx context.Context) error {
	return until(ctx, "the nested engine listens on", func() bool {
		conn, err := net.Dial("unix", strings.TrimPrefix(n.Host, "unix://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// Freeze has the engine take connections and answer none of them, as one that waits for a disk does, until
// [Nest.Thaw].
func (n *Nest) Freeze(ctx context.Context) error { return n.signal(ctx, "STOP") }

// Thaw has a frozen engine go on.
func (n *Nest) Thaw(ctx context.Context) error { return n.signal(ctx, "CONT") }

// Fill takes all the room that is left on the engine's disk: that of [NestOptions].Disk, never the machine's.
func (n *Nest) Fill(ctx context.Context) error {
	return n.do(ctx, `[ "$(stat -f -c %T `+nestData+`)" = tmpfs ] || exit 1; dd if=/dev/zero of=`+nestData+`/filler bs=64k 2>/dev/null; [ -s `+nestData+`/filler ]`)
}

// Drain gives back what [Nest.Fill] took.
func (n *Nest) Drain(ctx context.Context) error { return n.do(ctx, "rm "+nestData+"/filler") }

func (n *Nest) signal(ctx context.Context, name string) error {
	return n.do(ctx, "kill -"+name+` "$(cat /var/run/docker.pid)"`)
}

// do runs a script beside the engine, which must succeed.
func (n *Nest) do(ctx context.Context, script string) error {
	ctx, cancel := context.WithTimeout(ctx, nestDeadline)
	defer cancel()
	done := filepath.Join(n.dir, "done-"+strconv.FormatInt(time.Now().UnixNano(), 36))
	marked := "if (" + script + "\n); then word=yes; else word=no; fi; echo $word >$1.tmp; mv $1.tmp $1"
	if err := n.exec(ctx, marked, filepath.Join(nestDir, filepath.Base(done))); err != nil {
		return err
	}
	var word []byte
	err := until(ctx, "no end of a script in the nested engine", func() (ok bool) {
		var err error
		word, err = os.ReadFile(done)
		return err == nil
	})
	if err == nil && string(word) != "yes\n" {
		return fmt.Errorf("in the nested engine: failed: %s", script)
	}
	return err
}

// exec starts a script beside the engine and leaves it alone.
func (n *Nest) exec(ctx context.Context, script, argument string) error {
	created, err := n.cli.ExecCreate(ctx, n.container, client.ExecCreateOptions{Cmd: []string{"/bin/sh", "-c", script, "sh", argument}})
	if err != nil {
		return err
	}
	_, err = n.cli.ExecStart(ctx, created.ID, client.ExecStartOptions{Detach: true})
	return err
}

func until(ctx context.Context, otherwise string, done func() bool) error {
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", otherwise, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
