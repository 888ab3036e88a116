package scenarios

import (
	"embed"
	"io/fs"
)

//go:embed all:conmon-364 all:go-60529 all:k8s-115477 all:k8s-98646 all:k8s-98646-canary all:k8s-98646-fix all:retropie-3713
var shipped embed.FS

// shippedFiles holds one folder for each shipped scenario, of its name.
func shippedFiles() fs.FS { return shipped }
