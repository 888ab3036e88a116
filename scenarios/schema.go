package scenarios

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 7) of scenario files, for editors. It knows keys, types and
// spellings; what needs the whole file, such as whether a stage exists, only Decode knows.
func Schema() []byte { return slices.Clone(schema) }
