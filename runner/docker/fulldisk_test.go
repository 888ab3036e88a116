package docker

import (
	"io"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/enginetest"
)

func TestAFullEngineDiskIsNoVerdict(t *testing.T) {
	n, e := nested(t, enginetest.NestOptions{Disk: 256 << 20})
	id := nestedLoad(t, e)
	b := started(t, e, backend.BoxSpec{Image: id, Workdir: "/src"})
	exec := func(script string) (backend.Exit, time.Time, error) {
		since := time.Now()
		exit, err := b.Exec(t.Context(), script, io.Discard)
		return exit, since, err
	}
	const complain = "echo 'cc: error writing a.o: No space left on device'; exit 1"
	t.Run("AScriptThatOnlySaysSoHasItsVerdict", func(t *testing.T) {
		if exit, _, err := exec(complain); err != nil || exit.Code != 1 {
			t.Errorf("got %+v, %v", exit, err)
		}
		// A file system that is the build's own.
		if exit, _, err := exec("dd if=/dev/zero of=/dev/shm/f bs=1M"); err != nil || exit.Code != 1 {
			t.Errorf("got %+v, %v", exit, err)
		}
	})
	t.Run("WhatAScriptFills", func(t *testing.T) {
		_, since, err := exec("dd if=/dev/zero of=f bs=64k 2>/dev/null")
		infrastructure(t, "script", err, since, 10*time.Second, "status 1", "disk", "full", "256 MiB")
		if words := e.Diagnose(t.Context()); !strings.Contains(words, makeRoom) {
			t.Errorf("diagnosis: %q", words)
		}
		// A script that succeeds has its verdict all the same.
		if exit, _, err := exec("rm f; truncate -s 0 g"); err != nil || exit.Code != 0 {
			t.Errorf("got %+v, %v", exit, err)
		}
		if words := e.Diagnose(t.Context()); words != "" {
			t.Errorf("diagnosis with room again: %q", words)
		}
	})
	t.Run("WhatACompilerFillsAndRemoves", func(t *testing.T) {
		_, since, err := exec("dd if=/dev/zero of=f bs=1M count=8; dd if=/dev/zero of=g bs=64k || rm f; " + complain)
		infrastructure(t, "script", err, since, 10*time.Second, "disk", "full")
		if exit, _, err := exec("echo 'a.c:1: error'; exit 1"); err != nil || exit.Code != 1 {
			t.Errorf("a script that fails of something else while there is some room: %+v, %v", exit, err)
		}
		if _, _, err := exec("rm g"); err != nil {
			t.Error(err)
		}
	})
	t.Run("WhatTheEngineCannotStore", func(t *testing.T) {
		if err := n.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		since := time.Now()
		infrastructure(t, "put", b.Put(t.Context(), "/src", treeOf(8<<20)), since, 10*time.Second, "docker system df")
		since = time.Now()
		_, err := e.Load(t.Context(), extend(t, enginetest.Busybox(t), "large", strings.Repeat("0123456789abcdef", 1<<20)))
		infrastructure(t, "load", err, since, 10*time.Second, "docker system df")
		since = time.Now()
		_, err = e.Start(t.Context(), backend.BoxSpec{Image: id, Workdir: "/src", Network: "none"})
		infrastructure(t, "start", err, since, 10*time.Second, "docker system df")
		since = time.Now()
		words := e.Diagnose(t.Context())
		if !strings.Contains(words, makeRoom) {
			t.Errorf("diagnosis: %q", words)
		}
		t.Logf("diagnosis after %s: %s", time.Since(since).Round(time.Millisecond), words)
		if err := n.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		fresh := started(t, e, backend.BoxSpec{Image: id, Workdir: "/src"})
		if err := fresh.Close(); err != nil {
			t.Error(err)
		}
	})
}
