package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/client"

	"buildbisect/images"
	"buildbisect/runner/backend"
)

// Load makes image known to the engine and returns the id to start boxes from. One that is there already
// costs two questions. Layers that the engine has from other images of the same repository are not sent
// again.
func (e *Engine) Load(ctx context.Context, image *images.Image) (string, error) {
	select {
	case e.loading <- struct{}{}:
		defer func() { <-e.loading }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	what := "load image " + image.Name
	config, err := image.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("%s: read its config: %w", what, err)
	}
	call, cancel := within(ctx, copyDeadline)
	defer cancel()
	id, err := e.lookUp(call, image, config)
	if err == nil && id == "" {
		if err = e.send(call, image, e.shared(call, image.Name, config.RootFS.DiffIDs)); err == nil {
			id, err = e.lookUp(call, image, config)
		}
	}
	if err != nil {
		var broken *imageError
		if errors.As(err, &broken) && ctx.Err() == nil {
			return "", fmt.Errorf("%s: %w", what, err) // ours, not the engine's
		}
		return "", failed(ctx, call, what, err)
	}
	if id == "" {
		return "", backend.Infrastructuref("%s: the engine took it, but does not have it: see whether something removes images there", what)
	}
	e.mu.Lock()
	e.ours[id] = true
	e.mu.Unlock()
	return id, nil
}

// lookUp returns the engine's id of image, "" if it has none such. In the classic store the id is the digest
// of the config. In containerd's it is of a manifest that the engine wrote itself, so there the name leads to
// it and the layers prove it.
func (e *Engine) lookUp(ctx context.Context, image *images.Image, config *v1.ConfigFile) (string, error) {
	digest, err := image.ConfigName()
	if err != nil {
		return "", &imageError{err}
	}
	found, err := e.cli.ImageInspect(ctx, digest.String())
	if err == nil && found.ID == digest.String() {
		if slices.Contains(found.RepoTags, image.Name) {
			return found.ID, nil
		}
		// Without its name it would be fair game for `docker image prune`.
		_, err := e.cli.ImageTag(ctx, client.ImageTagOptions{Source: found.ID, Target: image.Name})
		return found.ID, err
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return "", err
	}
	if !e.info.containerd {
		return "", nil
	}
	found, err = e.cli.ImageInspect(ctx, image.Name)
	switch {
	case errdefs.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", err
	case !slices.Equal(found.RootFS.Layers, hashes(config.RootFS.DiffIDs)), found.Config == nil, !slices.Equal(found.Config.Env, config.Config.Env):
		return "", nil
	}
	return found.ID, nil
}

// shared says how many of an image's layers, counted from the base, the engine has from the same repository's
// images. It is only a saving: where it cannot tell, it says none.
func (e *Engine) shared(ctx context.Context, name string, layers []v1.Hash) int {
	if e.info.containerd {
		return 0 // that store wants every blob in the archive
	}
	want, most := hashes(layers), 0
	repository, _, _ := strings.Cut(name, ":")
	list, err := e.cli.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", repository)})
	if err != nil {
		return 0
	}
	for _, candidate := range list.Items {
		found, err := e.cli.ImageInspect(ctx, candidate.ID)
		if err != nil {
			continue
		}
		n := 0
		for n < min(len(want), len(found.RootFS.Layers)) && want[n] == found.RootFS.Layers[n] {
			n++
		}
		most = max(most, n)
	}
	return most
}

// send streams the archive of image without its first omit layers; should the engine want those after all,
// with them.
func (e *Engine) send(ctx context.Context, image *images.Image, omit int) error {
	err := e.sendOnce(ctx, image, omit)
	var broken *imageError
	if err != nil && omit > 0 && ctx.Err() == nil && !errors.As(err, &broken) {
		err = e.sendOnce(ctx, image, 0)
	}
	return err
}

func (e *Engine) sendOnce(ctx context.Context, image *images.Image, omit int) error {
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := writeArchive(writer, image, omit)
		writer.CloseWithError(err)
		written <- err
	}()
	answer, err := e.cli.ImageLoad(ctx, reader, client.ImageLoadWithQuiet(true))
	if err == nil {
		err = loadResult(answer)
		answer.Close()
	}
	// The engine may stop listening before the end; the writer must not wait for it.
	reader.CloseWithError(io.ErrClosedPipe)
	if failure := <-written; failure != nil && !errors.Is(failure, io.ErrClosedPipe) {
		return &imageError{failure}
	}
	return err
}

// loadResult finds the error in the engine's messages: its status is 200 even when the load went wrong.
func loadResult(answer io.Reader) error {
	messages := json.NewDecoder(answer)
	for {
		var message struct {
			Error string `json:"error"`
		}
		err := messages.Decode(&message)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read the engine's answer: %w", err)
		case message.Error != "":
			return errors.New(message.Error)
		}
	}
}

func hashes(of []v1.Hash) []string {
	text := make([]string, len(of))
	for i, h := range of {
		text[i] = h.String()
	}
	return text
}

// imageError marks what is wrong with the image itself, such as a layer that cannot be read from the cache.
type imageError struct{ cause error }

func (e *imageError) Error() string { return e.cause.Error() }
func (e *imageError) Unwrap() error { return e.cause }
