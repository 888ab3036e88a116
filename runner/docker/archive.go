package docker

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"buildbisect/images"
)

// writeArchive writes image in the form that `docker load` reads: a manifest, a config and the layers as they
// are stored, compressed or not. The first omit layers are named but left out. One layer is open at a time.
//
// The registry library writes such archives too, but always whole.
func writeArchive(w io.Writer, image *images.Image, omit int) error {
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("list its layers: %w", err)
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return fmt.Errorf("read its config: %w", err)
	}
	id, err := image.ConfigName()
	if err != nil {
		return fmt.Errorf("digest its config: %w", err)
	}
	names := make([]string, len(layers))
	for i, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return fmt.Errorf("digest layer %d: %w", i+1, err)
		}
		names[i] = digest.Hex + ".tar"
	}
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	manifest, err := json.Marshal([]entry{{Config: id.Hex + ".json", RepoTags: []string{image.Name}, Layers: names}})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	written := map[string]bool{}
	for i, layer := range layers {
		if i < omit || written[names[i]] {
			continue
		}
		written[names[i]] = true
		if err := writeLayer(archive, names[i], layer); err != nil {
			return fmt.Errorf("send layer %d of %d: %w", i+1, len(layers), err)
		}
	}
	if err := writeFile(archive, id.Hex+".json", config); err != nil {
		return err
	}
	if err := writeFile(archive, "manifest.json", manifest); err != nil {
		return err
	}
	return archive.Close()
}

func writeLayer(archive *tar.Writer, name string, layer v1.Layer) error {
	size, err := layer.Size()
	if err != nil {
		return err
	}
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer content.Close()
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err = io.Copy(archive, content)
	return err
}

func writeFile(archive *tar.Writer, name string, text []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := archive.Write(text)
	return err
}
