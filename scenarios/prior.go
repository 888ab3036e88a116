package scenarios

import "buildbisect/scenarios/document"

// Prior says which commits are more likely to be found than others. It decides what is built first, and
// nothing else: an unlikely commit is found as surely. A commit's weight is the product of what applies to
// it, 1 if nothing does. The zero value: all are alike.
type Prior struct {
	Paths   []PathWeight       // in the order of the file
	Commits map[string]float64 // revision to weight
	Size    bool               // the weight grows with the number of files that the commit changes
}

// PathWeight weighs the commits that touch a path, once each, however many files they touch there.
type PathWeight struct {
	Path   string // a pathspec of git, from the top of the tree; a folder, with a slash at its end or not, stands for all below it
	Weight float64
}

// Weights stay far from where the product of many is no finite number above zero. Who is surer than a million
// to one does not need a search.
const (
	leastWeight = 1e-6
	mostWeight  = 1e6
)

func readPrior(m *document.Mapping) Prior {
	prior := Prior{Size: m.At("size").Flag()}
	paths, _ := m.At("paths").Pairs("a mapping from paths to weights")
	for _, entry := range paths {
		weight, ok := entry.Value.Within(leastWeight, mostWeight)
		if isPathspec(entry.Key, entry.Name) && ok {
			prior.Paths = append(prior.Paths, PathWeight{entry.Name, weight})
		}
	}
	commits, _ := m.At("commits").Pairs("a mapping from revisions to weights")
	for _, entry := range commits {
		weight, ok := entry.Value.Within(leastWeight, mostWeight)
		if _, named := entry.Key.Line(); named && ok {
			if prior.Commits == nil {
				prior.Commits = map[string]float64{}
			}
			prior.Commits[entry.Name] = weight
		}
	}
	return prior
}
