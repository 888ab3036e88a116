package scenarios

import (
	"embed"
	"io/fs"
)

//go:embed all:k8s-98646 all:k8s-98646-canary all:k8s-98646-fix
var shipped embed.FS

// shippedFiles holds one folder for each shipped scenario, of its name.
func shippedFiles() fs.FS { return shipped }
