package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"eic/internal/cmdline"
	"eic/internal/evidence"
	"eic/internal/explain"
	"eic/internal/settings"
)

const verifyAbout = `Verifies again, offline, the evidence that "eic explain --save DIR" saved, and shows
the result as explain does. If a file in DIR was changed, verify names it and
verifies nothing. The evidence is verified at the time when it was saved, or at
--at TIME.

Without DIR, the evidence is given piece by piece: --keys, --signer-cert, --ocsp,
--instance-id and --region are required. It is verified as of now, or at --at
TIME.

Exit status: 0 a key would be printed; 3 no key would be printed; 1 there is no
answer, or the evidence was changed; 2 called wrongly.`

// verification is one call of verify.
type verification struct {
	directory string
	at        string
	time      time.Time // the value of at, or zero
	anchors   string
	asJSON    bool
	pieces    pieces
}

func (v *verification) register(line cmdline.Line) {
	line.StringVar(&v.at, "at", "", "verify as of `TIME`, such as 2026-11-22T10:00:00Z (RFC 3339)")
	line.StringVar(&v.anchors, "trust-anchors", "", "trust anchors (`auto|system|FILE`), instead of those in the evidence; see eic explain")
	line.BoolVar(&v.asJSON, "json", false, "print one JSON object")
	v.pieces.register(line)
}

func (v *verification) check(_ context.Context, line cmdline.Line) error {
	if v.at != "" {
		var err error
		if v.time, err = time.Parse(time.RFC3339, v.at); err != nil {
			return fmt.Errorf("--at: %q is not a time like 2026-11-22T10:00:00Z", v.at)
		}
	}
	v.directory = line.Arg(0)
	return v.pieces.check(line)
}

func (v *verification) run(ctx context.Context, stdout, stderr io.Writer) int {
	record, kept, err := v.read()
	if err == nil {
		err = v.setAnchors(ctx, &record)
	}
	if err != nil {
		fmt.Fprintf(stderr, "eic verify: %v\n", err)
		return exitFailed
	}
	if !v.time.IsZero() {
		record.Evidence.Time = v.time
	}
	result, err := record.Decide()
	report := explain.New(program(), record, result, err)
	kept.TrustAnchors = v.anchors == "" && record.BringsAnchors()
	report.Evidence = &kept
	return printReport("verify", report, v.asJSON, stdout, stderr)
}

// read returns the evidence in the directory, or the pieces if no directory was given.
func (v *verification) read() (evidence.Record, explain.Kept, error) {
	if v.directory == "" {
		record, err := v.pieces.read()
		record.Evidence.Time = time.Now()
		return record, explain.Kept{}, err
	}
	record, sum, err := evidence.Load(v.directory)
	return record, explain.Kept{Program: record.Program, Time: record.Evidence.Time.UTC(), Manifest: sum}, err
}

// setAnchors sets the trust anchors that a flag names, or else those of the evidence.
func (v *verification) setAnchors(ctx context.Context, record *evidence.Record) error {
	record.Options.Anchors = record.AnchorsFor
	if v.anchors == "" {
		return nil
	}
	s := settings.New()
	s.TrustAnchors = v.anchors
	record.Anchors.Setting, record.Options.Anchors = v.anchors, s.Anchors
	return s.LoadAnchors(ctx, os.Getuid())
}
