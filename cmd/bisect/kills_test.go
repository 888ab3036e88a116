package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// killedMain runs bisect on the scenario here, undisturbed, and then again and again, and kills each run with
// SIGKILL up to four times: after a record of its journal, or at a random moment. Resumed, it must come to
// the same report.json, byte for byte but for times. BISECT_KILLS sets how many kills there are in all;
// process ids go to file pids, for nothing-left.
func killedMain() {
	times, err := strconv.Atoi(os.Getenv("BISECT_KILLS"))
	if err != nil {
		times = 6
	}
	k := killer{dice: rand.New(rand.NewPCG(98646, uint64(times)))}
	k.pids, err = os.Create("pids")
	check(err)
	begin := time.Now()
	k.finish()
	want, took := k.report(), time.Since(begin)
	runs := 0
	for ; k.kills < times; runs++ {
		k.dir = ""
		for range 4 {
			if k.kills < times {
				k.kill(took)
			}
		}
		k.finish()
		if got := k.report(); !bytes.Equal(got, want) {
			check(fmt.Errorf("after %d kills, %s:\n%s\nwant\n%s", k.kills, k.dir, got, want))
		}
	}
	check(k.pids.Close())
	fmt.Printf("%d kills in %d runs, all the same\n", k.kills, runs)
}

type killer struct {
	dice  *rand.Rand
	pids  *os.File
	kills int
	dir   string // of the run at hand; "": none has begun
}

// start starts a run, or goes on with the one at hand.
func (k *killer) start() *exec.Cmd {
	args := []string{"bisect", "run", "--state", "state"}
	if k.dir != "" {
		args = []string{"bisect", "resume", k.dir}
	}
	cmd := wrapped(args)
	check(cmd.Start())
	_, err := fmt.Fprintln(k.pids, cmd.Process.Pid)
	check(err)
	return cmd
}

// kill starts a process and kills it, at some moment within what a whole run takes.
func (k *killer) kill(took time.Duration) {
	before := len(runsHere())
	cmd := k.start()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	moment := time.After(time.Duration(k.dice.Int64N(int64(took))))
	records := 1 + k.dice.IntN(6)
	byRecord := k.dice.IntN(2) == 0
	if byRecord {
		moment = time.After(time.Minute)
	}
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	old := k.records()
	for waiting := true; waiting; {
		select {
		case err := <-ended:
			check(err) // it came to its end: the moment was too late
			k.adopt(before)
			return
		case <-moment:
			waiting = false
		case <-poll.C:
			k.adopt(before)
			waiting = !byRecord || k.records() < old+records
		}
	}
	check(cmd.Process.Kill())
	if err := <-ended; err != nil {
		k.kills++
	}
	k.adopt(before)
	if k.records() == 0 {
		k.dir = "" // killed before anything was written: there is nothing to go on with
	}
}

// adopt finds the folder that a run has made, if it has.
func (k *killer) adopt(before int) {
	if runs := runsHere(); k.dir == "" && len(runs) > before {
		k.dir = filepath.Dir(runs[len(runs)-1])
	}
}

func runsHere() []string {
	runs, err := filepath.Glob("state/*/journal.jsonl")
	check(err)
	return runs
}

// records counts the whole lines of the journal at hand.
func (k *killer) records() int {
	if k.dir == "" {
		return 0
	}
	text, err := os.ReadFile(filepath.Join(k.dir, "journal.jsonl"))
	if !errors.Is(err, os.ErrNotExist) {
		check(err)
	}
	return bytes.Count(text, []byte("\n"))
}

// finish lets the run at hand come to its end.
func (k *killer) finish() {
	before := len(runsHere())
	check(k.start().Wait())
	k.adopt(before)
}

// report is report.json without times, and without the run's own name.
func (k *killer) report() []byte {
	text, err := os.ReadFile(filepath.Join(k.dir, "report.json"))
	check(err)
	text = bytes.ReplaceAll(text, []byte(k.dir), []byte("state/run"))
	var r map[string]any
	check(json.Unmarshal(text, &r))
	for _, trial := range r["trials"].([]any) {
		delete(trial.(map[string]any), "seconds")
		delete(trial.(map[string]any), "wall")
	}
	text, err = json.MarshalIndent(r, "", " ")
	check(err)
	return text
}
