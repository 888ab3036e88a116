package local

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine says what this machine is, as a report names it in place of a base.
func (e *Engine) Machine() string {
	name := "a machine of unknown make"
	if text, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
				name = strings.Trim(value, `"'`)
			}
		}
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return fmt.Sprintf("%s on %s", name, runtime.GOARCH)
	}
	return fmt.Sprintf("%s, Linux %s on %s", name, strings.TrimSpace(string(kernel)), runtime.GOARCH)
}
