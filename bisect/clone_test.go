package bisect

import (
	"maps"
	"reflect"
	"testing"
	"unsafe"
)

// TestACloneSharesNothingThatChanges gives every field of a search a value, and looks at each in a clone. A
// new field fails it until clone copies the field, or until it is named here as shared.
func TestACloneSharesNothingThatChanges(t *testing.T) {
	shared := map[string]string{
		".knowledge.evidence.space":      "never changes",
		".knowledge.evidence.options":    "never change",
		".knowledge.evidence.log":        "is made anew where there are new trials",
		".knowledge.evidence.identities": "hold for every clone: a point is made of the same things in each",
		".knowledge.noise.rates":         "never change",
	}
	space, err := NewSpace(Chain("tool", 3))
	if err != nil {
		t.Fatal(err)
	}
	s := new(Search)
	fill(reflect.ValueOf(s).Elem(), newBelief(space, space.Bad(), beliefOptions{flake: flakePrior}))
	unused := maps.Clone(shared)
	var compare func(path string, a, b reflect.Value)
	compare = func(path string, a, b reflect.Value) {
		if _, ok := shared[path]; ok {
			delete(unused, path)
			return
		}
		switch a.Kind() {
		case reflect.Struct:
			for i := range a.NumField() {
				compare(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		case reflect.Slice:
			if b.Len() != a.Len() {
				t.Errorf("%s is lost in a clone", path)
			}
			if b.Cap() > b.Len() && a.Type() != reflect.TypeFor[Point]() { // points never change
				t.Errorf("what a clone appends to %s is written into the original", path)
			}
		case reflect.Pointer, reflect.Map:
			if b.IsNil() || a.Pointer() == b.Pointer() {
				t.Errorf("%s is lost in a clone, or shared", path)
			}
		case reflect.Func, reflect.Interface, reflect.Chan, reflect.Array:
			t.Errorf("%s: the test does not know how a %s is copied", path, a.Kind())
		default:
			if !a.Equal(b) {
				t.Errorf("%s is lost in a clone", path)
			}
		}
	}
	compare("", reflect.ValueOf(s).Elem(), reflect.ValueOf(s.clone()).Elem())
	for path := range unused {
		t.Errorf("there is no field %s", path)
	}
}

// fill gives every field in v a value of its own; a slice has room to append to.
func fill(v reflect.Value, b *belief) {
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() // to set unexported fields
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), b)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 2))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Type() == reflect.TypeFor[*belief]() {
			v.Set(reflect.ValueOf(b))
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.String:
		v.SetString("set")
	}
}
