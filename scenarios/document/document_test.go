package document

import (
	"strings"
	"testing"
)

func grammar() map[string]Keys {
	return map[string]Keys{
		"top":   {Required: []string{"name"}, Optional: []string{"inner", "words", "number"}, Later: []string{"someday"}},
		"inner": {Optional: []string{"flag"}},
	}
}

func read(t *testing.T, text string) (Place, *Mapping) {
	t.Helper()
	root, mistakes := Read("x.yaml", []byte(text), grammar(), false)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	return root, root.Mapping("top")
}

func TestAPlaceWhereNothingStandsHasNoValueAndNoMistake(t *testing.T) {
	root, m := read(t, "name: a\n")
	if m.Has("inner") || m.At("inner").Mapping("inner") != nil || m.At("inner").Mapping("inner").Has("flag") {
		t.Error("an absent mapping has keys")
	}
	if _, ok := m.At("words").List(); ok {
		t.Error("an absent list has elements")
	}
	if _, ok := m.At("number").Count(1); ok || m.At("number").Flag() || m.At("number").Amount() != 0 {
		t.Error("an absent number has a value")
	}
	if root.Noted() != 0 || (Place{}).Noted() != 0 {
		t.Errorf("noted %v", root.Mistakes())
	}
}

func TestAllMistakesAreNotedInTheOrderOfTheirPlaces(t *testing.T) {
	root, m := read(t, "number: two\ninner: {flg: true}\nwords: {}\nsomeday: 1\nnmae: a\n")
	m.At("words").List()
	m.At("inner").Mapping("inner")
	m.At("number").Count(1)
	var got []string
	for _, mistake := range root.Mistakes() {
		got = append(got, strings.SplitN(mistake.Error(), "\n", 2)[0])
	}
	want := []string{
		"x.yaml:1:1: name is missing",
		`x.yaml:1:9: number: want a whole number of at least 1, got the string "two"`,
		"x.yaml:2:9: inner.flg: unknown key; did you mean flag?",
		"x.yaml:3:8: words: want a list, got a mapping",
		"x.yaml:4:1: someday: not supported in this version",
		"x.yaml:5:1: nmae: unknown key; did you mean name?",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
