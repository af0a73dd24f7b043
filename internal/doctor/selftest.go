package doctor

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"eic/internal/evidence"
	"eic/internal/trust"
)

// recording has the evidence of one login with one key, in the form that
// "eic explain --save" writes, and the line that sshd got: the known answer. It
// includes the roots of the simulator, with which it was made by
//
//	go test ./internal/doctor -run TestRecordedLogin -update
//
//go:embed recording
var recording embed.FS

const (
	recordedEvidence = "recording/evidence"
	recordedAnswer   = "recording/authorized-key"
)

// verifier returns the lines that sshd would get for a Record.
type verifier func(evidence.Record) ([][]byte, error)

// verifyAsInALogin is the verifier that logins use.
func verifyAsInALogin(r evidence.Record) ([][]byte, error) {
	r.Options.Anchors = r.AnchorsFor
	v, err := r.Decide()
	if err != nil {
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

// checkSelf shows that this program, on this machine, gives the known answer to recorded
// evidence and refuses altered copies of it. It uses the recording's time, so this
// machine's clock does not matter.
func checkSelf(_ context.Context, _ *exam) Finding {
	const remedy = "reinstall the package eic; if that does not help, report it: this eic must not be used"
	if err := selfTest(verifyAsInALogin); err != nil {
		return broken(remedy, "%v", err)
	}
	return ok("gives the known answer to a recorded login, and no key for altered copies of it")
}

func selfTest(verify verifier) error {
	good, answer, err := recordedLogin()
	if err != nil {
		return fmt.Errorf("reading the recorded login: %w", err)
	}
	keys, err := verify(good)
	switch {
	case err != nil:
		return fmt.Errorf("the recorded login was refused: %w", err)
	case len(keys) != 1 || !bytes.Equal(keys[0], answer):
		return fmt.Errorf("the recorded login got %.300q, expected %q", bytes.Join(keys, []byte("\n")), answer)
	}
	copies, err := alteredCopies(good)
	if err != nil {
		return fmt.Errorf("altering the recorded login: %w", err)
	}
	for _, c := range copies {
		if keys, _ := verify(c.record); len(keys) != 0 {
			return fmt.Errorf("a key was accepted with %s", c.what)
		}
	}
	return nil
}

// recordedLogin returns the recording, and the line that sshd must get for it.
func recordedLogin() (evidence.Record, []byte, error) {
	directory, err := fs.Sub(recording, recordedEvidence)
	if err != nil {
		return evidence.Record{}, nil, err
	}
	record, _, err := evidence.LoadFS(directory)
	if err != nil {
		return evidence.Record{}, nil, err
	}
	answer, err := recording.ReadFile(recordedAnswer)
	return record, bytes.TrimSuffix(answer, []byte("\n")), err
}

// alteredCopy is the recording with one change.
type alteredCopy struct {
	what   string
	record evidence.Record
}

func alteredCopies(good evidence.Record) ([]alteredCopy, error) {
	request, later, stranger, certificate := good, good, good, good
	request.Evidence.ActiveKeys = bytes.Replace(good.Evidence.ActiveKeys, []byte("#Request="), []byte("#Request=0"), 1)
	later.Evidence.Time = good.Evidence.Time.Add(2 * time.Minute)
	stranger.Evidence.Instance = "i-00000000000000000"
	block, issuers := pem.Decode(good.Evidence.Signer.Chain)
	if block == nil {
		return nil, errors.New("it has no signer's certificate")
	}
	block.Bytes = lastByteChanged(block.Bytes)
	certificate.Evidence.Signer.Chain = append(pem.EncodeToMemory(block), issuers...)
	copies := []alteredCopy{
		{"its request id changed", request},
		{"a byte of the signer's certificate changed", certificate},
		{"a time after the key's expiry", later},
		{"another instance's id", stranger},
	}
	for i, staple := range good.Evidence.Signer.Staples {
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(staple.Body)), ""))
		if err != nil || len(der) == 0 {
			return nil, fmt.Errorf("staple %d: %w", i+1, err)
		}
		c := alteredCopy{fmt.Sprintf("a byte of staple %d changed", i+1), good}
		c.record.Evidence.Signer.Staples = slices.Clone(good.Evidence.Signer.Staples)
		body := base64.StdEncoding.EncodeToString(lastByteChanged(der))
		c.record.Evidence.Signer.Staples[i] = trust.Staple{Name: staple.Name, Body: []byte(body)}
		copies = append(copies, c)
	}
	return copies, nil
}

// lastByteChanged returns a copy of DER with a changed last byte. That byte is part of
// the signature unless certificates are enclosed after it.
func lastByteChanged(der []byte) []byte {
	der = slices.Clone(der)
	der[len(der)-1] ^= 1
	return der
}
