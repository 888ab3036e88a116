package images

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAToolThatLooksForItsFilesAtTheirPlaceIsRefusedOnThisMachine(t *testing.T) {
	for name, c := range map[string]struct{ program, folder string }{
		"a string of its own":         {"\x7fELF\x00/usr/share/perl/5.40\x00", "/usr/share/perl/5.40"},
		"one of a search path":        {"\x7fELF\x00/usr/local/lib:/usr/share/perl/5.40:.\x00", "/usr/share/perl/5.40"},
		"a file that a script reads":  {"#!/bin/sh\n. /usr/share/perl/5.40/strict.pm\n", "/usr/share/perl/5.40"},
		"a prefix that moves":         {"\x7fELF\x00/usr/share/perl/5.40/\x00", ""},
		"a part of a longer sentence": {"\x7fELF\x00install into /usr/share/perl/5.40.\x00", ""},
		"a folder of everybody":       {"\x7fELF\x00/usr/share\x00/usr/share/locale\x00/usr/lib/x86_64-linux-gnu\x00/usr/include\x00", ""},
		"a script of everybody":       {"#!/usr/share/perl/5.40/perl\n/usr/bin/env true /usr/share/locale/de\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := errors.Join(os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755), os.WriteFile(filepath.Join(root, "usr/bin/perl"), []byte(c.program), 0o755)); err != nil {
				t.Fatal(err)
			}
			err := compiledIn("perl 5.40", root, []*part{
				{Own: true, Files: []string{"/usr/bin/gone", "/usr/bin/perl", "/usr/include/perl.h", "/usr/share/locale/de/perl.mo"}},
				{Files: []string{"/usr/lib/x86_64-linux-gnu/libperl.so", "/usr/share/perl/5.40/strict.pm"}},
			})
			unfit, refused := errors.AsType[*UnfitError](err)
			if refused != (c.folder != "") || refused && !strings.Contains(unfit.Why, c.folder) {
				t.Errorf("%v", err)
			}
		})
	}
}
