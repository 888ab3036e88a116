package scenarios

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// object is the part of a JSON Schema that speaks of keys.
type object struct {
	Required    []string
	Properties  map[string]any
	Closed      any `json:"additionalProperties"`
	Definitions map[string]object
}

func TestSchemaKnowsTheKeysThatTheDecoderReads(t *testing.T) {
	var root object
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	mappings := map[string]object{"scenario": root}
	for name, definition := range root.Definitions {
		if definition.Properties != nil {
			mappings[name] = definition
		}
	}
	grammar := grammar()
	if got, want := slices.Sorted(maps.Keys(mappings)), slices.Sorted(maps.Keys(grammar)); !slices.Equal(got, want) {
		t.Fatalf("mappings in the schema: %v\nin the decoder: %v", got, want)
	}
	for name, mapping := range mappings {
		keys := grammar[name]
		if got, want := slices.Sorted(maps.Keys(mapping.Properties)), slices.Sorted(slices.Values(keys.Served())); !slices.Equal(got, want) {
			t.Errorf("keys of %s in the schema: %v\nin the decoder: %v", name, got, want)
		}
		if got, want := slices.Sorted(slices.Values(mapping.Required)), slices.Sorted(slices.Values(keys.Required)); !slices.Equal(got, want) {
			t.Errorf("required keys of %s in the schema: %v\nin the decoder: %v", name, got, want)
		}
		if mapping.Closed != false {
			t.Errorf("the schema lets unknown keys into %s", name)
		}
	}
}

func TestNoKeyIsBothServedAndRefused(t *testing.T) {
	for name, keys := range grammar() {
		all := append(keys.Served(), keys.Later...)
		if slices.Sort(all); len(slices.Compact(all)) != len(keys.Served())+len(keys.Later) {
			t.Errorf("%s lists a key twice: %v", name, keys)
		}
	}
}
