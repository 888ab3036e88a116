package docker

import (
	"strings"
	"testing"
)

func TestADiskIsFullByWhatDfSaysOfIt(t *testing.T) {
	const blocks, inodes = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n", "Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n"
	for name, test := range map[string]struct {
		df                string
		silent, complains string // the shortage's words, "" for none
	}{
		"room":               {blocks + "overlay 61255492 3061200 58194292 5% /\n/dev/vda1 61255492 3061200 58194292 5% /src\n" + inodes + "overlay 4000000 300000 3700000 8% /\n", "", ""},
		"nothing left":       {blocks + "overlay 61255492 61255492 0 100% /\n", "/ has 0 B of 58 GiB left", "/ has 0 B of 58 GiB left"},
		"a little left":      {blocks + "overlay 61255492 60230692 1024800 99% /\n", "", "/ has 1001 MiB of 58 GiB left"},
		"the other one":      {blocks + "overlay 61255492 3061200 58194292 5% /\nshare of mine 100000 100000 0 100% /a b\n", "/a b has 0 B of 98 MiB left", "/a b has 0 B of 98 MiB left"},
		"no inodes":          {blocks + "overlay 61255492 3061200 58194292 5% /\n" + inodes + "overlay 4000000 4000000 0 100% /\n", "/ has 0 of 4000000 inodes left", "/ has 0 of 4000000 inodes left"},
		"busybox's inodes":   {"Filesystem              Inodes      Used Available Capacity Mounted on\ntmpfs 65536 65530 6 100% /\n", "/ has 6 of 65536 inodes left", "/ has 6 of 65536 inodes left"},
		"inodes not counted": {inodes + "/dev/sda 0 0 0 - /\n", "", ""},
		"a huge disk":        {blocks + "overlay 8000000000 7985000000 15000000 100% /\n", "", ""},
		"overdrawn":          {blocks + "overlay 61255492 61255492 -5 100% /\n", "/ has 0 B of 58 GiB left", "/ has 0 B of 58 GiB left"},
		"no df":              {"sh: df: not found\n", "", ""},
	} {
		var r rooms
		for line := range strings.Lines(test.df) {
			r.read(strings.Fields(line))
		}
		if silent, complains := r.shortage(false), r.shortage(true); silent != test.silent || complains != test.complains {
			t.Errorf("%s: got %q and %q, want %q and %q", name, silent, complains, test.silent, test.complains)
		}
	}
}
