package session

import (
	"testing"
)

// this is a machine with /proc; a session on it that is not ours.
var (
	this   = Owner{Host: "ci-1", Machine: "m1", Boot: "boot-1", PIDs: initialPIDs, PID: 10, Start: "100", Session: "ours"}
	theirs = Owner{Host: "ci-1", Machine: "m1", Boot: "boot-1", PIDs: initialPIDs, PID: 20, Start: "200", Session: "theirs", Run: "b1"}
)

func TestOnlyWhatIsKnownToBeDeadIsJudgedDead(t *testing.T) {
	with := func(change func(*Owner)) Owner {
		o := theirs
		change(&o)
		return o
	}
	mac := Owner{Host: "mac", Session: "ours"}
	for _, test := range []struct {
		name    string
		owner   Owner
		here    Owner
		lease   leaseState
		process processState
		want    liveness
	}{
		{"its lease is held", theirs, this, leaseHeld, processGone, alive},
		{"its lease is held, elsewhere", with(func(o *Owner) { o.Boot, o.Host = "boot-2", "ci-2" }), this, leaseHeld, processUnknown, alive},
		{"its lease is held by a machine that was started anew, as clocks and caches may say", with(func(o *Owner) { o.Boot = "boot-0" }), this, leaseHeld, processGone, alive},
		{"its lease is free", theirs, this, leaseFree, processGone, dead},
		{"its lease is free, but its process runs and may have more to do", theirs, this, leaseFree, processRuns, alive},
		{"its lease is free, in another container", with(func(o *Owner) { o.PIDs, o.Host = "pid:[2]", "0a1b2c" }), this, leaseFree, processRuns, dead},
		{"its lease is free, on a file system that another machine shares", with(func(o *Owner) { o.Boot, o.Host, o.Machine = "boot-2", "ci-2", "m2" }), this, leaseFree, processGone, unknown},
		{"its lease is gone with the cache, and it runs", theirs, this, leaseMissing, processRuns, alive},
		{"its lease is gone, and its process", theirs, this, leaseMissing, processGone, dead},
		{"its lease is another user's, and it runs", theirs, this, leaseUnknown, processRuns, alive},
		{"its lease is another user's, and its process is gone", theirs, this, leaseUnknown, processGone, dead},
		{"its process is hidden", theirs, this, leaseMissing, processUnknown, unknown},
		{"it ran before the machine was started anew", with(func(o *Owner) { o.Boot = "boot-0" }), this, leaseMissing, processRuns, dead},
		{"it ran, or runs, in a container of that name and image on another machine", with(func(o *Owner) { o.Boot, o.PIDs = "boot-2", "pid:[2]" }), this, leaseMissing, processGone, unknown},
		{"so do we", with(func(o *Owner) { o.Boot = "boot-2" }), Owner{Host: "ci-1", Machine: "m1", Boot: "boot-1", PIDs: "pid:[3]", Session: "ours"}, leaseMissing, processGone, unknown},
		{"both do, in namespaces of one number", with(func(o *Owner) { o.Boot, o.PIDs = "boot-2", "pid:[2]" }), Owner{Host: "ci-1", Machine: "m1", Boot: "boot-1", PIDs: "pid:[2]", Session: "ours"}, leaseMissing, processGone, unknown},
		{"it ran before, in a container that is not this one", with(func(o *Owner) { o.Boot, o.Host = "boot-0", "0a1b2c" }), this, leaseMissing, processRuns, unknown},
		{"it ran on another machine of that name", with(func(o *Owner) { o.Boot, o.Machine = "boot-2", "m2" }), this, leaseMissing, processGone, unknown},
		{"it ran on a machine of that name without an id", with(func(o *Owner) { o.Boot, o.Machine = "boot-2", "" }), Owner{Host: "ci-1", Boot: "boot-1"}, leaseMissing, processGone, unknown},
		{"it runs in another container: ids mean nothing", with(func(o *Owner) { o.PIDs = "pid:[2]" }), this, leaseMissing, processGone, unknown},
		{"it runs in another container, where the lease is not to be seen", with(func(o *Owner) { o.PIDs = "pid:[2]" }), this, leaseUnknown, processRuns, unknown},
		{"no /proc, lease held", Owner{Host: "mac", Session: "theirs", PID: 20}, mac, leaseHeld, processUnknown, alive},
		{"no /proc, lease free", Owner{Host: "mac", Session: "theirs", PID: 20}, mac, leaseFree, processUnknown, dead},
		{"no /proc, lease gone", Owner{Host: "mac", Session: "theirs", PID: 20}, mac, leaseMissing, processUnknown, unknown},
		{"no /proc, lease free, of another machine", Owner{Host: "mac-2", Session: "theirs", PID: 20}, mac, leaseFree, processUnknown, unknown},
		{"a lease of Linux seen from elsewhere", theirs, Owner{Host: "ci-1"}, leaseFree, processUnknown, unknown},
		{"our own, whatever the rest says", with(func(o *Owner) { o.Session = "ours" }), this, leaseFree, processGone, alive},
		{"labels of who knows whom", Owner{Run: "test"}, this, leaseUnknown, processUnknown, unknown},
		{"nothing is known of either", Owner{}, Owner{}, leaseMissing, processGone, unknown},
	} {
		if got := (signs{test.owner, test.here, test.lease, test.process}).classify(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestLabelsSayWhoseSomethingIs(t *testing.T) {
	want := Here()
	want.Run, want.Session, want.Lease = "b234567abcd", "b234567abcd.x", "/cache/leases/b234567abcd.x"
	if got := ownerOf(want.Labels()); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if labels := (Owner{Run: "b1"}).Labels(); len(labels) != 2 { // the run, and process 0: none
		t.Errorf("what is not known has a label: %v", labels)
	}
}

func TestARunsNameHasTheShapeOfAMark(t *testing.T) {
	for range 100 {
		if name := NewMark(); !IsMark(name) {
			t.Fatalf("%q", name)
		}
	}
	for _, name := range []string{"", "b", "test", "b234567abc", "b234567abcd-", "B234567ABCD", "b234567abcd.*"} {
		if IsMark(name) {
			t.Errorf("%q passes for a mark", name)
		}
	}
}
