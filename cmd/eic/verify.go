package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"eic/internal/evidence"
	"eic/internal/explain"
)

const verifyAbout = `Judges again, offline, the evidence that "eic explain --save DIR" kept, and tells
it in the same words. A file of DIR that was changed since is named, and nothing
is judged. The judgement is of the time at which the evidence was kept, or of
--at TIME.

Without DIR the evidence is given piece by piece: --keys, --signer-cert, --ocsp,
--instance-id and --region must be there, and it is judged as of now, or --at.

Exit status: 0 a key would be printed; 3 none would; 1 there is no answer, or the
evidence was changed; 2 called wrongly.`

// verification is what verify's flags say.
type verification struct {
	at      string
	anchors string
	asJSON  bool
	pieces  pieces
}

func (v *verification) register(flags flagSet) {
	flags.StringVar(&v.at, "at", "", "judge as of `TIME`, such as 2026-11-22T10:00:00Z (RFC 3339)")
	flags.StringVar(&v.anchors, "trust-anchors", "", "what the signer must chain to (`auto|system|FILE`), instead of what was kept; see eic explain")
	flags.BoolVar(&v.asJSON, "json", false, "print one JSON object (docs/explain.md)")
	v.pieces.register(flags)
}

func runVerify(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := newFlags("verify", "[DIR]", verifyAbout)
	var v verification
	v.register(flags)
	if status, done := flags.parse(args, 0, 1, stdout, stderr); done {
		return status
	}
	at, err := v.time()
	if err == nil {
		err = v.pieces.check(flags)
	}
	if err != nil {
		flags.wrong(stderr, err)
		return exitUsage
	}
	record, kept, err := v.read(flags.Arg(0))
	if err == nil {
		err = v.setAnchors(ctx, &record)
	}
	if err != nil {
		fmt.Fprintf(stderr, "eic verify: %v\n", err)
		return exitFailed
	}
	if !at.IsZero() {
		record.Evidence.Time = at
	}
	verdict, err := record.Decide()
	report := explain.New(program(), record, verdict, err)
	kept.TrustAnchors = v.anchors == "" && record.BringsAnchors()
	report.Evidence = &kept
	return tell(flags.Name(), report, v.asJSON, stdout, stderr)
}

// time returns the time to judge as of, or zero.
func (v *verification) time() (time.Time, error) {
	if v.at == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, v.at)
	if err != nil {
		return time.Time{}, fmt.Errorf("--at: %q is not a time like 2026-11-22T10:00:00Z", v.at)
	}
	return at, nil
}

// read returns the evidence in a directory, or with "" the pieces.
func (v *verification) read(directory string) (evidence.Record, explain.Kept, error) {
	if directory == "" {
		record, err := v.pieces.read()
		record.Evidence.Time = time.Now()
		return record, explain.Kept{}, err
	}
	record, sum, err := evidence.Load(directory)
	return record, explain.Kept{Program: record.Program, Time: record.Evidence.Time.UTC(), Manifest: sum}, err
}

// setAnchors sets the trust anchors that the flags name, or else those that
// the evidence was judged under.
func (v *verification) setAnchors(ctx context.Context, record *evidence.Record) error {
	record.Terms.Anchors = record.AnchorsFor
	if v.anchors == "" {
		return nil
	}
	t := terms{anchors: v.anchors, uid: os.Getuid()}
	record.Anchors.Setting, record.Terms.Anchors = v.anchors, t.anchorsFor
	return t.loadAnchors(ctx)
}
