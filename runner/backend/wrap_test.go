package backend_test

import (
	"context"
	"testing"

	"buildbisect/runner/backend"
)

type plain struct{ backend.Backend }

type hosted struct{ backend.Backend }

func (hosted) Machine() string { return "a machine" }

// wrapper has an ability of its own, and what it wraps has others.
type wrapper struct {
	backend.Backend
	capacity int
}

func (w wrapper) Unwrap() backend.Backend { return w.Backend }
func (w wrapper) Capacity() (int, int64)  { return w.capacity, 0 }

type healthy struct{ backend.Backend }

func (healthy) Diagnose(context.Context) string { return "" }
func (healthy) Await(context.Context) error     { return nil }

func TestAWrapperHasTheAbilitiesOfWhatItWraps(t *testing.T) {
	x := wrapper{wrapper{hosted{}, 1}, 2}
	if host, ok := backend.As[backend.HostDescriber](x); !ok || host.Machine() != "a machine" {
		t.Errorf("the host is %v, %v", host, ok)
	}
	if c, ok := backend.As[backend.Capacity](x); !ok {
		t.Error("no capacity")
	} else if cpus, _ := c.Capacity(); cpus != 2 {
		t.Errorf("the capacity is that of wrapper %d, not the outermost one's", cpus)
	}
	if _, ok := backend.As[backend.HealthChecker](x); ok {
		t.Error("it has an ability that nobody gave it")
	}
	if _, ok := backend.As[backend.HealthChecker](plain{healthy{}}); ok {
		t.Error("it looked into what does not call itself a wrapper")
	}
	if _, ok := backend.As[backend.HealthChecker](nil); ok {
		t.Error("nothing has an ability")
	}
}
