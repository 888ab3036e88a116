package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"buildbisect/bisect/report"
	"buildbisect/images"
)

// checkDeadline is for printing a version, on a busy machine.
const checkDeadline = time.Minute

// CheckTools runs checks in a box, for an [Backend]'s Check. What tools cannot run there, do not end, or do
// not print what they should is one [Untestable] error that names each with what it printed: on another base,
// or in another version, a tool may well be right. Errors of the box are returned as they are.
func CheckTools(ctx context.Context, box Box, checks []images.Check) error {
	var wrong *multierror.Error
	for _, check := range checks {
		mismatch, err := checkTool(ctx, box, check)
		if err != nil {
			return fmt.Errorf("check %s %s: %w", check.Tool, check.Version, err)
		}
		if mismatch != nil {
			wrong = multierror.Append(wrong, mismatch)
		}
		if errors.Is(mismatch, errEndless) {
			break // the box is gone
		}
	}
	switch {
	case wrong == nil:
		return nil
	case len(wrong.Errors) == 1:
		return NewUntestable(wrong.Errors[0])
	}
	return NewUntestable(wrong)
}

var errEndless = errors.New("does not end")

// checkTool says what is wrong with one tool.
func checkTool(ctx context.Context, box Box, check images.Check) (mismatch, err error) {
	endless := fmt.Errorf("check %s %s: `%s` %w within %s", check.Tool, check.Version, strings.Join(check.Command, " "), errEndless, checkDeadline)
	call, cancel := context.WithTimeoutCause(ctx, checkDeadline, endless)
	defer cancel()
	script := checkScript(check.Command)
	if check.Want == "" {
		script = loadScript(check.Command[0])
	}
	var printed head
	exit, err := box.Exec(call, script, &printed)
	switch words := cannotRun(exit, printed.String()); {
	case err != nil && ctx.Err() == nil && errors.Is(err, endless):
		return endless, nil
	case err != nil:
		return nil, err
	case words != "":
		return fmt.Errorf("%s %s does not run on this base: %s", check.Tool, check.Version, words), nil
	case check.Want == "":
		return nil, nil // what it did beside starting says nothing
	}
	return compare(check, exit, printed.String()), nil
}

// checkScript runs a command as it stands, without the shell reading its words. A command that cannot run
// ends with loaderMissing or fileMissing: to the shell both are 127, "not found".
func checkScript(command []string) string {
	var words []string
	for _, word := range command {
		words = append(words, report.QuotedShellWord(word))
	}
	line := strings.Join(words, " ")
	return fmt.Sprintf("code=0; %s || code=$?\n"+
		"if [ $code = 127 ]; then if file=$(command -v %s) && [ -x \"$file\" ]; then echo; echo %s; else echo; echo %s; fi; fi\n"+
		"exit $code\n", line, words[0], loaderMissing, fileMissing)
}

// loadScript has the loader look for all that a program needs, without running it: glibc's and musl's do so
// when this variable is set. A static program ignores it, and is started to no purpose, in a box of its own;
// a script is left alone. What else than the loader goes wrong does not count, so the status is 127 or 1 only
// for what cannotRun reads.
func loadScript(program string) string {
	file := report.QuotedShellWord(program)
	return "IFS= read -r magic <" + file + " 2>/dev/null || :\n" + // what follows the first word of a binary is of no concern
		"case $magic in ?ELF*) ;; *) exit 0;; esac\n" +
		"export LD_TRACE_LOADED_OBJECTS=1\n" +
		"code=0; " + file + " --version </dev/null || code=$?\n" +
		"if [ $code = 127 ]; then echo; echo " + loaderMissing + "; exit 127; fi\n" +
		"exit 1\n"
}

const (
	loaderMissing = "bisect-check-loader-missing"
	fileMissing   = "bisect-check-file-missing"
)

// refusals are what kernel and loader say of a program that they cannot start: a shell's words for the
// kernel's, glibc's, and musl's. Busybox's shell does not pass on the kernel's: it takes a program for
// another processor for a script.
var refusals = regexp.MustCompile(`(?m)^\s*(?:.*: )?(Exec format error` +
	`|/\S+: version \S+ not found|\S+ => not found|error while loading shared libraries: .*|symbol lookup error: .*` +
	`|Error loading shared library .*|Error relocating .*)`)

// cannotRun gives the words in which kernel or loader refused to start a tool; "" if they did start it.
func cannotRun(exit Exit, printed string) string {
	if exit.Code == 0 {
		return ""
	}
	var words []string
	for _, found := range refusals.FindAllStringSubmatch(printed, -1) {
		if !slices.Contains(words, found[1]) {
			words = append(words, found[1])
		}
	}
	if len(words) == 0 && exit.Code == 127 && strings.Contains(printed, loaderMissing) {
		return "the file is there, but the loader that it asks for is not: it is linked against a libc that the base lacks"
	}
	return shorten(strings.Join(words, "; "))
}

func compare(check images.Check, exit Exit, printed string) error {
	if exit.Code == 0 && strings.Contains(printed, check.Want) {
		return nil
	}
	what := fmt.Sprintf("check %s %s: `%s`", check.Tool, check.Version, strings.Join(check.Command, " "))
	switch {
	case exit.Code == 127 && strings.Contains(printed, fileMissing):
		if !strings.Contains(check.Command[0], "/") {
			return fmt.Errorf("%s: not found in the PATH of the image; name it by its whole path, or take a dest that is in PATH", what)
		}
		return fmt.Errorf("%s: not found in the image", what)
	case exit.Code == 126:
		return fmt.Errorf("%s: cannot be executed: %s", what, shorten(printed))
	}
	return fmt.Errorf("%s: want %q, got (exit %d) %q", what, check.Want, exit.Code, shorten(printed))
}

// head keeps the start of what it is given: more than any tool says of its version.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	const most = 1 << 20
	h.Buffer.Write(p[:min(len(p), most-h.Len())])
	return len(p), nil
}

// shorten keeps the first line or two for a message.
func shorten(text string) string {
	const limit = 300
	text = strings.TrimSpace(text)
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
