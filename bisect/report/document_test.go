package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"buildbisect/bisect/report"
)

// TestARenderingSaysTheSameOfAReportThatWasReadBack renders each report from memory and from its own
// document, with the members set that only some searches set.
func TestARenderingSaysTheSameOfAReportThatWasReadBack(t *testing.T) {
	list := goldens()
	for name, r := range goldens() {
		for i := range r.Candidates {
			r.Candidates[i].GoodEnd = true
		}
		for i := range r.Causes {
			r.Causes[i].Wanted = r.Causes[i].Confirmed + 1
		}
		for i := range r.Repairs {
			r.Repairs[i].Wanted = r.Repairs[i].Confirmed + 1
		}
		r.MoreCandidates = true
		list[name+", all set"] = r
	}
	for name, r := range list {
		var document bytes.Buffer
		if err := r.JSON(&document); err != nil {
			t.Fatal(err)
		}
		var again report.Report
		if err := json.Unmarshal(document.Bytes(), &again); err != nil {
			t.Fatal(err)
		}
		if before, after := textOf(t, r), textOf(t, &again); before != after {
			t.Errorf("%s: from memory\n%s\nfrom its document\n%s", name, before, after)
		}
	}
}

// TestTheDocumentHoldsEveryMember sets every field, and every field below it, to a value of its own, and
// looks for all of them in what reads back. A field that JSON leaves out, or gives the name of another, would
// be one that a rendering could not know.
func TestTheDocumentHoldsEveryMember(t *testing.T) {
	var r report.Report
	n := 0
	fill(t, "Report", reflect.ValueOf(&r).Elem(), &n)
	if n < 100 {
		t.Fatalf("only %d values were set", n)
	}
	var document bytes.Buffer
	if err := r.JSON(&document); err != nil {
		t.Fatal(err)
	}
	readsBack(t, &r, document.Bytes())
}

// fill sets v and all below it, and refuses fields that JSON cannot see.
func fill(t *testing.T, at string, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || name == "" || name == "-" {
				t.Errorf("%s.%s has no name in the document, but a rendering can read it", at, field.Name)
				continue
			}
			fill(t, at+"."+field.Name, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, at, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, at, v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		level := reflect.New(v.Type().Elem()).Elem()
		fill(t, at, level, n)
		v.SetMapIndex(reflect.ValueOf(fmt.Sprint("axis", *n)), level)
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 1024)
	default:
		t.Fatalf("%s: a %s, which this test does not know how to set", at, v.Kind())
	}
}

// TestAProbabilityHasOneSpelling covers the places where a decimal matters.
func TestAProbabilityHasOneSpelling(t *testing.T) {
	for p, want := range map[float64]string{
		0: "0", 0.0004: "0", 0.0006: "0.1", 0.004: "0.4", 0.05: "5", 0.0999: "10", 0.1: "10", 0.25: "25", 0.9: "90", 0.985: "98", 0.99: "99",
		0.9931: "99.3", 0.9999: "99.9", 0.99999999: "99.9", 1: "100",
	} {
		if got := report.Percent(p); got != want {
			t.Errorf("%v: got %s, want %s", p, got, want)
		}
	}
}
