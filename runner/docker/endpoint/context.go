package endpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// configDir is where docker's own client keeps its settings.
func configDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker")
}

// contextName is the docker context in force, "" for the default one. An unreadable config.json names none,
// as for docker itself.
func contextName() string {
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		var config struct{ CurrentContext string }
		if text, err := os.ReadFile(filepath.Join(configDir(), "config.json")); err == nil && json.Unmarshal(text, &config) == nil {
			name = config.CurrentContext
		}
	}
	if name == "default" {
		return ""
	}
	return name
}

// contextEndpoint reads the engine of a docker context. Contexts are kept in folders named by the hash of
// their name.
func fromContext(name string) (Endpoint, error) {
	p := Endpoint{Origin: fmt.Sprintf("docker context %q", name)}
	hash := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(hash[:])
	text, err := os.ReadFile(filepath.Join(configDir(), "contexts", "meta", id, "meta.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return p, errors.New("no such context; see `docker context ls`, or choose with `docker context use`")
	}
	if err != nil {
		return p, err
	}
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return p, fmt.Errorf("read its meta.json: %w", err)
	}
	if p.Host = meta.Endpoints["docker"].Host; p.Host == "" {
		return p, errors.New("it names no docker endpoint")
	}
	tls := filepath.Join(configDir(), "contexts", "tls", id, "docker")
	if _, err := os.Stat(filepath.Join(tls, "cert.pem")); err == nil {
		p.Tls = tls
	}
	return p, nil
}
