package scenarios

// Resources bound one trial. They are limits, not wishes: a trial that goes beyond one ends as a skip, with
// the reason. In a scenario that was decoded those with a default are never zero. Zero: CPUs and memory are
// the worker's share of the engine's.
type Resources struct {
	CPUs      float64
	Memory    int64 // bytes
	PIDs      int64 // processes and threads at a time
	Disk      int64 // bytes written in the box, its work folder included
	Log       int64 // bytes of the trial's log
	Artifacts int64 // bytes of all artifacts of the trial
}

// DefaultResources are those of a scenario that names none. They are far above what builds take, and far
// below what takes a machine down.
func DefaultResources() Resources {
	return Resources{PIDs: 4096, Disk: 20 << 30, Log: 1 << 30, Artifacts: 1 << 30}
}

const (
	leastMemory = 6 << 20 // what Docker gives a container at the least, in bytes
	leastDisk   = 1 << 20
	leastLog    = 4 << 10
)

func readResources(m *mapping) Resources {
	r := DefaultResources()
	r.CPUs = m.at("cpus").amount()
	if n, ok := m.at("pids").count(1); ok {
		r.PIDs = int64(n)
	}
	for _, size := range []struct {
		key   string
		least int64
		value *int64
	}{
		{"memory", leastMemory, &r.Memory},
		{"disk", leastDisk, &r.Disk},
		{"log", leastLog, &r.Log},
		{"artifacts", leastLog, &r.Artifacts},
	} {
		if v, ok := m.at(size.key).size(size.least); ok {
			*size.value = v
		}
	}
	return r
}
