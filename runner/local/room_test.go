package local

import "testing"

func TestTheDiskOfAFolderThatIsGoneIsNotKnown(t *testing.T) {
	if text := shortage(t.TempDir()+"/gone", true); text != "" {
		t.Errorf("got %q", text)
	}
}
