package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"eic/internal/lookup"
)

// judge decides on evidence and returns the lines that may be printed.
type judge func(lookup.Evidence, lookup.Terms) ([][]byte, error)

// judgeLogin is what decides in a login.
func judgeLogin(e lookup.Evidence, t lookup.Terms) ([][]byte, error) {
	v := lookup.Screen(e, t)
	if err := v.Settle(e, t); err != nil {
		return nil, err
	}
	var lines [][]byte
	for _, d := range v.Decisions {
		if line := d.Line(); line != nil {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// checkSelf shows that this program, on this machine and by this clock, accepts
// what is good and refuses what is not: a document signed on the spot, below a
// certificate authority that exists for that alone.
func checkSelf(_ context.Context, e *exam) Finding {
	const remedy = "install the package eic again; if it stays like this, report it: this eic is not fit for use"
	w, err := newWorld(e.Now)
	if err != nil {
		return broken(remedy, "making a document to test with: %v", err)
	}
	if err := selfTest(w, judgeLogin); err != nil {
		return broken(remedy, "%v", err)
	}
	return ok("accepts a document made on the spot, and refuses it with a byte of it, of a staple or of the signer's certificate changed")
}

func selfTest(w world, judge judge) error {
	keys, err := judge(w.evidence, w.terms)
	switch {
	case err != nil:
		return fmt.Errorf("a good document was refused: %w", err)
	case len(keys) != 1 || !bytes.Equal(keys[0], w.key):
		return errors.New("a good document was refused")
	}
	for _, forgery := range w.forgeries() {
		if keys, _ := judge(forgery.evidence, w.terms); len(keys) != 0 {
			return fmt.Errorf("a key was accepted with %s", forgery.what)
		}
	}
	return nil
}

// forgery is good evidence but for one byte.
type forgery struct {
	what     string
	evidence lookup.Evidence
}

func (w world) forgeries() []forgery {
	document, chain, staple := w.evidence, w.evidence, w.evidence
	document.ActiveKeys = bytes.Replace(document.ActiveKeys, []byte(requestID), []byte("X"+requestID[1:]), 1)
	chain.Signer.Chain = w.forgedChain
	staple.Signer.Staples = w.forgedStaples
	expired := w.evidence
	expired.Time = expired.Time.Add(2 * time.Minute)
	return []forgery{
		{"a byte of the document changed", document},
		{"a byte of the signer's certificate changed", chain},
		{"a byte of a staple changed", staple},
		{"its time over", expired},
	}
}
