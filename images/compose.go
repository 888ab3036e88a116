package images

import (
	"runtime"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// defaultPath is the search path of images whose base sets none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// rootfs is a base ready to be built upon.
type rootfs struct {
	title  string     // for the image's history
	config baseConfig // the rest of a base's own is about running it, and a trial runs its own shell
	layers []*fileLayer
	tree   *tree

	mu     sync.Mutex // guards system
	system *system    // singleFlight it was asked for
}

// compose stacks tools and the layer that leads to them on a base; or, where they are to be below it, the
// base on the tools. Everything in the result follows from its parts: no clock, no name, no order but theirs.
func compose(base *rootfs, pool []*toolLayer, below bool, top v1.Layer) (v1.Image, error) {
	var adds []mutate.Addendum
	add := func(l v1.Layer, title string) {
		adds = append(adds, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: fixedTime()}, CreatedBy: title}})
	}
	tools := func() {
		for _, p := range pool {
			add(p.layer, p.title)
		}
	}
	if below {
		tools()
	}
	for _, l := range base.layers {
		add(l, base.title)
	}
	if !below {
		tools()
	}
	if top != nil {
		add(top, "bisect: what is picked")
	}
	image, err := mutate.Append(empty.Image, adds...)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: fixedTime()}
	config.OS, config.Architecture, config.Variant = "linux", runtime.GOARCH, base.config.Variant
	config.Config = v1.Config{Env: withPath(base.config.Env), Cmd: []string{"/bin/sh"}}
	return mutate.ConfigFile(image, config)
}

func withPath(env []string) []string {
	for _, e := range env {
		if strings.HasPrefix(e, "PATH=") && e != "PATH=" {
			return env
		}
	}
	return append(env[:len(env):len(env)], defaultPath)
}
