package journal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// A journal, and the lock of what served beside it, lie where a repository may have brought them along. What
// tells those of this user from a stranger's is a seal in each line, made with a key that lies elsewhere: see
// [State.Seal]. Whoever lacks the key can copy sealed lines, and end a journal after any of them, but can
// neither write nor change one.

// sealed is a line of a journal as it is sealed: its content, and the seal on it.
type sealed struct {
	content [sha256.Size]byte
	seal    []byte // nil: none
}

const sealSize = 16 // bytes of a seal

// sealMember is the member of a line before its checksum; %x is its seal.
const sealMember = `,"seal":"%x"}`

// sealOf seals a line, and with it all lines before it, of which the last has the seal before.
func sealOf(key, before []byte, content [sha256.Size]byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("journal"))
	h.Write(before)
	h.Write(content[:])
	return h.Sum(nil)[:sealSize]
}

// unseal parts a line without its checksum from its seal.
func unseal(body []byte) sealed {
	at := len(body) - len(`,"seal":""}`) - 2*sealSize
	if at < 1 || !bytes.HasPrefix(body[at:], []byte(`,"seal":"`)) || !bytes.HasSuffix(body, []byte(`"}`)) {
		return sealed{content: sha256.Sum256(body)}
	}
	s := sealed{content: sha256.Sum256(append(bytes.Clone(body[:at]), '}'))}
	s.seal, _ = hex.DecodeString(string(body[at+len(`,"seal":"`) : len(body)-2]))
	return s
}

// isSealed reports whether all that was read is sealed with key, and gives the last seal.
func (p past) isSealed(key []byte) (last []byte, ok bool) {
	for _, line := range p.lines {
		want := sealOf(key, last, line.content)
		if !hmac.Equal(want, line.seal) {
			return nil, false
		}
		last = want
	}
	return last, len(p.lines) > 0
}

// SealedWith reports whether the journal in dir is sealed with key, from its first line to its last. Nothing
// is changed there.
func SealedWith(dir string, key []byte) (bool, error) {
	p, err := pastOf(dir)
	if err != nil {
		return false, err
	}
	_, ok := p.isSealed(key)
	return ok, nil
}

// Seal has all that is written from now on sealed with key, which nobody but the user must know. Of a run
// that goes on, all lines must be sealed with it already.
func (s *State) Seal(key []byte) error {
	last, ok := s.lines.isSealed(key)
	if !ok && len(s.records) > 0 {
		return fmt.Errorf("run %s: its journal was not written by this user on this machine", s.Dir)
	}
	s.journal.key, s.journal.seal = key, last
	return nil
}

// sealLine is the last line of a lock of what served; %x is the seal on all before it.
const sealLine = "# seal: %x\n"

func (s *State) sealText(text []byte) []byte {
	h := hmac.New(sha256.New, s.journal.key)
	h.Write([]byte("lock"))
	h.Write(text)
	return fmt.Appendf(nil, sealLine, h.Sum(nil))
}

// unsealText checks the seal on a text, where the run has a key.
func (s *State) unsealText(text []byte) error {
	if s.journal.key == nil {
		return nil
	}
	end := len(text) - len(s.sealText(nil))
	if end < 0 || !hmac.Equal(s.sealText(text[:end]), text[end:]) {
		return errors.New("it was changed since bisect wrote it: put it back, or begin anew with bisect run")
	}
	return nil
}
