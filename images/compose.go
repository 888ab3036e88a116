package images

import (
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// defaultPath is the search path of images whose base sets none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// rootfs is a base ready to be built upon.
type rootfs struct {
	title   string   // for the image's history
	env     []string // what the base sets; the rest of its configuration is about running it, and a trial runs its own shell
	variant string   // of the processor
	layers  []v1.Layer
	tree    *tree
}

type toolLayer struct {
	v1.Layer
	title string
}

// compose stacks tools on a base. Everything in the result follows from its parts: no clock, no name, no order but theirs.
func compose(base *rootfs, tools []toolLayer) (v1.Image, error) {
	var adds []mutate.Addendum
	add := func(l v1.Layer, title string) {
		adds = append(adds, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: fixedTime()}, CreatedBy: title}})
	}
	for _, l := range base.layers {
		add(l, base.title)
	}
	for _, t := range tools {
		add(t.Layer, t.title)
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
	config.OS, config.Architecture, config.Variant = "linux", runtime.GOARCH, base.variant
	config.Config = v1.Config{Env: withPath(base.env), Cmd: []string{"/bin/sh"}}
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
