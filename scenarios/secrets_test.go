package scenarios

import (
	"path/filepath"
	"strings"
	"testing"
)

const secretive = `version: 1
name: secretive
source: {history: h.fi, bad: b}
builder:
  base: {image: debian}
  secrets:
    TOKEN: {from-env: CI_TOKEN}
    KEY: {from-file: keys/key}
stages: [{name: build, run: make}]
`

func TestSecretsAreReadWhereTheyAre(t *testing.T) {
	dir := write(t, map[string]string{"bisect.yaml": secretive, "h.fi": "", "keys/key": "line one\nline two\n\n"})
	t.Chdir(t.TempDir()) // a secret's file lies beside the scenario, not here
	s, err := Load(filepath.Join(dir, "bisect.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	values, err := s.ReadSecrets(func(name string) (string, bool) { return "value of " + name, true })
	if err != nil || len(values) != 2 || values["TOKEN"] != "value of CI_TOKEN" || values["KEY"] != "line one\nline two\n" {
		t.Errorf("got %q, %v", values, err)
	}
}

func TestSecretsThatCannotBeHadAreNamedAtOnceAndNeverShown(t *testing.T) {
	for _, c := range []struct{ name, token, key, want string }{
		{"neither is there", "", "", "bisect.yaml:8: builder.secrets.KEY: keys/key: no such file or directory; write the value there, or have it from a variable with from-env\n" +
			"bisect.yaml:7: builder.secrets.TOKEN: CI_TOKEN is not set here; export it, or have the value from a file with from-file"},
		{"both are too short", "xyz", "uvw\r\n", "bisect.yaml:8: builder.secrets.KEY: keys/key has 3 bytes; want at least 4: so short a value cannot be hidden without destroying the log\n" +
			"bisect.yaml:7: builder.secrets.TOKEN: CI_TOKEN has 3 bytes; want at least 4: so short a value cannot be hidden without destroying the log"},
		{"too long, and no text", strings.Repeat("xyz", 30_000), "uvw\x00uvw", "bisect.yaml:8: builder.secrets.KEY: keys/key holds a NUL character, which no variable can\n" +
			"bisect.yaml:7: builder.secrets.TOKEN: CI_TOKEN has more than 65536 bytes, which are too many for a variable"},
	} {
		files := map[string]string{"bisect.yaml": secretive, "h.fi": ""}
		if c.key != "" {
			files["keys/key"] = c.key
		}
		t.Chdir(write(t, files))
		s, err := Load("bisect.yaml")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.ReadSecrets(func(string) (string, bool) { return c.token, c.token != "" })
		if err == nil || err.Error() != c.want || strings.Contains(err.Error(), "xyz") || strings.Contains(err.Error(), "uvw") {
			t.Errorf("%s: got %v\nwant %s", c.name, err, c.want)
		}
	}
}

func TestAFileThatIsNoRegularOneHoldsNoSecret(t *testing.T) {
	t.Chdir(write(t, map[string]string{"bisect.yaml": strings.Replace(secretive, "keys/key", "/dev/zero", 1), "h.fi": ""}))
	s, err := Load("bisect.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.ReadSecrets(func(string) (string, bool) { return "long enough", true }); err == nil || !strings.Contains(err.Error(), "/dev/zero: not a regular file") {
		t.Errorf("%v", err)
	}
}
