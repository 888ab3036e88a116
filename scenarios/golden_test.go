package scenarios

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"buildbisect/scenarios/document"
)

var update = flag.Bool("update", false, "write what the decoder says now into testdata; read it before trusting it")

// Each archive of testdata holds a broken bisect.yaml, the files beside it, and what is said of it.
func TestEveryMistakeIsShownAtItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			home, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir()) // a scenario is named as its user names it
			want := ""
			rest := archive.Files[:0]
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				rest = append(rest, f)
				if err := os.WriteFile(f.Name, f.Data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			_, err = Load("bisect.yaml")
			mistakes, ok := errors.AsType[document.Mistakes](err)
			if !ok || len(mistakes) == 0 {
				t.Fatalf("got %v, want mistakes", err)
			}
			got := mistakes.Error() + "\n"
			if *update {
				archive.Files = append(rest, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(home, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
