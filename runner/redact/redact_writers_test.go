package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// goWriters are ways in which Go programs write a value.
func goWriters() map[string]func(string) string {
	encode := func(marshal func(any) ([]byte, error)) func(string) string {
		return func(s string) string {
			text, err := marshal(map[string]string{"token": s})
			return string(text) + fmt.Sprint(err)
		}
	}
	stream := func(make func(w io.Writer, s string)) func(string) string {
		return func(s string) string {
			var b bytes.Buffer
			make(&b, s)
			return b.String()
		}
	}
	return map[string]func(string) string{
		"itself":         func(s string) string { return s },
		"strconv.Quote":  strconv.Quote,
		"QuoteToASCII":   strconv.QuoteToASCII,
		"QuoteToGraphic": strconv.QuoteToGraphic,
		"%#v of bytes":   func(s string) string { return strconv.Quote(fmt.Sprintf("%+q", s)) },
		"%x":             func(s string) string { return fmt.Sprintf("%x", s) },
		"% X":            func(s string) string { return fmt.Sprintf("% X", s) },
		"JSON":           encode(json.Marshal),
		"JSON in JSON":   func(s string) string { return encode(json.Marshal)(encode(json.Marshal)(s)) },
		"YAML":           encode(yaml.Marshal),
		"JSON, not HTML": stream(func(w io.Writer, s string) { e := json.NewEncoder(w); e.SetEscapeHTML(false); _ = e.Encode(s) }),
		"slog":           stream(func(w io.Writer, s string) { slog.New(slog.NewTextHandler(w, nil)).Info("login", "token", s) }),
		"CSV":            stream(func(w io.Writer, s string) { c := csv.NewWriter(w); _ = c.Write([]string{"user", s}); c.Flush() }),
		"XML":            stream(func(w io.Writer, s string) { _ = xml.EscapeText(w, []byte(s)) }),
		"quoted-printable": stream(func(w io.Writer, s string) {
			q := quotedprintable.NewWriter(w)
			_, _ = io.WriteString(q, s)
			_ = q.Close()
		}),
		"QueryEscape": url.QueryEscape,
		"PathEscape":  url.PathEscape,
		"UserPassword": func(s string) string {
			return (&url.URL{Scheme: "https", User: url.UserPassword("me", s), Host: "example.org"}).String()
		},
		"a user's name": func(s string) string {
			return (&url.URL{Scheme: "https", User: url.User(s), Host: "example.org"}).String()
		},
		"a query in a query": func(s string) string { return url.QueryEscape(url.Values{"token": {s}}.Encode()) },
		"a fragment":         func(s string) string { return (&url.URL{Scheme: "https", Host: "example.org", Fragment: s}).String() },
		"HTML":               template.HTMLEscapeString,
		"JavaScript":         template.JSEscapeString,
		"base64":             func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 for URLs":    func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("me:" + s + ":x")) },
		"a login":            func(s string) string { return base64.StdEncoding.EncodeToString([]byte("me:" + s)) },
		"a login in JSON": func(s string) string {
			return encode(json.Marshal)(base64.StdEncoding.EncodeToString([]byte("user:" + s)))
		},
		"base64 in a URL": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
		"base64 of echo":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s + "\n")) },
		"hexadecimal":     func(s string) string { return hex.EncodeToString([]byte(s)) },
	}
}

// programs are others, which have the value in the variable TOKEN. Each prints pieces with a line of "===="
// after each. What a machine has not is left out, and the test says so.
var programs = map[string][]string{
	"python3": {"-c", `
import os, json, shlex, html, pprint, base64, binascii, quopri, csv, io, urllib.parse as u, xml.sax.saxutils as x
s = os.environ["TOKEN"]; b = s.encode()
c = io.StringIO(); csv.writer(c, quoting=csv.QUOTE_ALL).writerow([s])
for piece in [repr(s), ascii(s), repr(b), repr({"a": [s]}), repr(repr(s)), json.dumps(s), json.dumps(json.dumps(s)), json.dumps(s, ensure_ascii=False),
    shlex.quote(s), shlex.quote("echo " + shlex.quote(s)), shlex.join(["sh", "-c", "x " + shlex.quote("y " + shlex.quote(s))]),
    u.quote(s), u.quote_plus(s), u.quote(s, safe=""), u.urlencode({"token": s}), u.quote(u.quote(s)), html.escape(s), x.escape(s), x.quoteattr(s),
    pprint.pformat({"token": s, "more": "words " * 20}), pprint.pformat(s, width=12), base64.b64encode(b).decode(), base64.urlsafe_b64encode(b"ab:" + b).decode(), base64.encodebytes(b"x" * 50 + b).decode(),
    binascii.hexlify(b).decode(), b.hex(":"), quopri.encodestring(b, quotetabs=True).decode(), c.getvalue(), s.encode("unicode_escape").decode(),
    s.encode("ascii", "backslashreplace").decode(), s.encode("ascii", "xmlcharrefreplace").decode(), "".join("%%%02x" % i for i in b), "".join("\\x%02x" % i for i in b), "".join("&#%d;" % ord(i) for i in s)]:
    print(piece); print("====")`},
	"node": {"-e", `
const s = process.env.TOKEN, util = require("util"), qs = require("querystring"); const b = Buffer.from(s);
const url = new URL("https://example.org/"); url.username = "me"; url.password = s; url.searchParams.set("t", s); url.hash = s;
for (const piece of [JSON.stringify(s), JSON.stringify(JSON.stringify({s})), encodeURIComponent(s), encodeURI(s), escape(s), qs.stringify({s}), url.href, new URLSearchParams({s}).toString(),
    util.inspect(s), util.inspect({s, t: ["x".repeat(70)]}), b.toString("base64"), b.toString("base64url"), b.toString("hex"), Buffer.from("me:" + s).toString("base64")])
  console.log(piece + "\n====");`},
	"perl": {"-e", `
use Data::Dumper; use MIME::Base64; use JSON::PP; my $s = $ENV{TOKEN}; my $u = $s; utf8::decode($u);
my @pieces = (quotemeta($s), Dumper($s)); { local $Data::Dumper::Useqq = 1; push @pieces, Dumper($s), Dumper($u); } push @pieces, encode_base64("me:" . $s), encode_base64("x" x 55 . $s), JSON::PP->new->ascii->encode([$u]), unpack("H*", $s);
(my $p = $s) =~ s/([^A-Za-z0-9])/sprintf("%%%02X", ord($1))/seg; push @pieces, $p;
print "$_\n====\n" for @pieces;`},
	"bash": {"-c", `
printf '%q\n====\n' "$TOKEN"; declare -p TOKEN; echo ====; export -p | sed -n '/TOKEN=/,$p' | sed '/^declare -x [^T]/d'; echo ====; printf '%s\n====\n' "${TOKEN@Q}" "${TOKEN@A}"
f() { :; }; { set -x; f "$TOKEN" X="$TOKEN"; set +x; } 2>&1; echo ====; printf %q "$(printf %q "$TOKEN")"; echo; echo ====
printf %s "$TOKEN" | base64; echo ====; echo "me:$TOKEN" | base64 -w 20; echo ====; printf %s "$TOKEN" | od -An -v -tx1; echo ====; printf %s "$TOKEN" | sed -n l; echo ====; printf %s "$TOKEN" | cat -v; echo; echo ====; printf %s "$TOKEN" | cat -A; echo; echo ====`},
	"dash":    {"-c", `export -p | sed -n "/TOKEN=/,/'$/p"; echo ====; { set -x; : "$TOKEN"; set +x; } 2>&1; echo ====`},
	"busybox": {"sh", "-c", `{ set -x; : "$TOKEN"; set +x; } 2>&1; echo ====; printf %s "$TOKEN" | busybox base64; echo ====; printf %s "$TOKEN" | busybox xxd -p; echo ====`},
	"git":     {"-c", "alias.all=!git rev-parse --sq-quote \"$TOKEN\"; echo ====; git config --file=config section.token \"$TOKEN\"; cat config; echo ====; git -c x.y=z rev-parse --sq-quote \"$(git rev-parse --sq-quote \"$TOKEN\")\"; echo ====; GIT_TRACE=1 git rev-parse --sq-quote \"$TOKEN\" 2>&1 >/dev/null; echo ====", "all"},
	"jq":      {"-n", "-r", `env.TOKEN | (@json, @text, @sh, @uri, @html, @base64, ([.]|@csv), ([.]|@tsv), ({a: .}|tojson|tojson), ("me:" + . | @base64)) | . + "\n===="`},
}

// randomSecret is of 8 to 40 characters, with a word in it that is as long as a part may be that nothing
// hides by itself.
func randomSecret(rng *rand.Rand) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	alphabet := []rune(plain + " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\t é😀ß—")
	if rng.IntN(3) == 0 {
		alphabet = append(alphabet, '\n', '\n', '\'', '"')
	}
	secret := []rune{rune(plain[rng.IntN(len(plain))])}
	for range 7 + rng.IntN(32) {
		secret = append(secret, alphabet[rng.IntN(len(alphabet))])
	}
	return string(secret) + string(plain[rng.IntN(len(plain))])
}

// leftOf reports what is still seen of a secret in text, which had it. What a writer puts around any value is seen in what it makes of a
// plain one.
func leftOf(text, plain string) string {
	if !strings.Contains(text, redacted) {
		return "nothing is hidden"
	}
	bare := strings.NewReplacer(redacted, "", "'", "", `"`, "", "$", "", `\`, "", "\n", "", "=", "", " ", "", "%", "", "3D", "", "3d", "").Replace(text)
	if len(bare) > len(plain)+4 { // base64 has a character at each end that stands for a neighbour, too
		return fmt.Sprintf("%q, of a plain one %q", bare, plain)
	}
	return ""
}

func TestRandomSecretsAreHiddenInWhatRealWritersMakeOfThem(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("BISECT_SECRETS"))
	const plainly = "Quite1plain2Word3"
	plain := New(map[string]string{"TOKEN": plainly})
	run := func(name, secret string) []string {
		cmd := exec.Command(name, programs[name]...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "TOKEN="+secret, "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.CombinedOutput()
		if err != nil && !bytes.Contains(out, []byte("====")) {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return strings.Split(string(out), "====\n")
	}
	var missing []string
	reference := map[string][]string{}
	for name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
			continue
		}
		reference[name] = run(name, plainly)
	}
	writers := 0
	for seed := range max(8, seeds) {
		rng := rand.New(rand.NewPCG(uint64(seed), 12))
		secret := randomSecret(rng)
		s := New(map[string]string{"TOKEN": secret})
		check := func(writer, text, like string) {
			writers++
			size := byte(1 + rng.IntN(60))
			if got := streamed(s, text, size); strings.TrimSpace(text) != "" {
				around := strings.ReplaceAll(streamed(plain, like, 255), redacted, "")
				if left := leftOf(got, around); left != "" {
					t.Errorf("seed %d, secret %q, %s wrote %q; shown is %q: %s", seed, secret, writer, text, got, left)
				}
			}
		}
		for name, write := range goWriters() {
			check(name, write(secret), write(plainly))
		}
		for name, like := range reference {
			pieces := run(name, secret)
			if len(pieces) != len(like) {
				t.Fatalf("%s wrote %d pieces, and %d of a plain one:\n%s", name, len(pieces), len(like), pieces)
			}
			for i, piece := range pieces {
				check(fmt.Sprintf("%s %d", name, i), piece, like[i])
			}
		}
		if t.Failed() {
			return
		}
	}
	slices.Sort(missing)
	t.Logf("%d writings of %d secrets; missing here: %s", writers, max(8, seeds), strings.Join(missing, " "))
}

func TestASecretIsHiddenInWhatCurlSaysOfItsRequests(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl here")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		fmt.Fprint(w, r.URL.Query().Get("t"), r.URL.RawQuery, password)
	}))
	defer server.Close()
	for seed := range 12 {
		secret := strings.ReplaceAll(randomSecret(rand.New(rand.NewPCG(uint64(seed), 13))), "\n", ":")
		code := filepath.Join(t.TempDir(), "code.c")
		out, err := exec.Command("curl", "-sv", "--noproxy", "*", "--libcurl", code, "-u", "me:"+secret, "-G", "--data-urlencode", "t="+secret, server.URL).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		source, err := os.ReadFile(code)
		if err != nil {
			t.Fatal(err)
		}
		got := streamed(New(map[string]string{"TOKEN": secret}), string(out)+string(source), 17)
		if n := strings.Count(got, redacted); n < 6 {
			t.Errorf("secret %q is hidden %d times in %s", secret, n, got)
		}
	}
}
