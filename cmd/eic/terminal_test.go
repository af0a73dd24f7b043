package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/printable"
)

// Evidence may come from an attacker, who chooses the names of its files. A name must not send
// escape sequences to the auditor's terminal.
func TestEscapeSequencesInNamesAreNotPrinted(t *testing.T) {
	const hostile = "\x1b]0;owned\x07\u009b2J"
	dir := t.TempDir()
	staples := filepath.Join(dir, "ocsp"+hostile)
	require.NoError(t, os.MkdirAll(filepath.Join(staples, hostile), 0o755)) // a directory, where a file is expected
	piece := filepath.Join(dir, "piece")
	require.NoError(t, os.WriteFile(piece, nil, 0o600))
	for name, args := range map[string][]string{
		"directory of the evidence": {staples},
		"file of the active keys":   {"--keys=" + hostile, "--signer-cert=x", "--ocsp=x", "--instance-id=i-0123456789abcdef0", "--region=us-east-1"},
		"file of a staple":          {"--keys=" + piece, "--signer-cert=" + piece, "--ocsp=" + staples, "--instance-id=i-0123456789abcdef0", "--region=us-east-1"},
		"unknown flag":              {"--" + hostile},
		"instance id":               {"--keys=x", "--signer-cert=x", "--ocsp=x", "--instance-id=" + hostile, "--region=us-east-1"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.NotZero(t, run(t.Context(), append([]string{"eic", "verify"}, args...), nil, &stdout, &stderr))
			require.Empty(t, stdout.String())
			require.NotEmpty(t, stderr.String())
			require.Equal(t, printable.Text(stderr.String()), stderr.String())
		})
	}
}

// Evidence may come from an attacker, who may make a file endless.
func TestEndlessEvidenceIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, content, 0o600))
		return name
	}
	good, long, zero := file("good", nil), file("long", make([]byte, maxPiece+1)), filepath.Join(dir, "staples/zero")
	fifo, many := filepath.Join(dir, "fifo"), filepath.Join(dir, "many")
	for i := range maxStaples + 1 {
		file(filepath.Join("many", strconv.Itoa(i)), nil)
	}
	require.NoError(t, os.Mkdir(filepath.Dir(zero), 0o755))
	require.NoError(t, os.Symlink("/dev/zero", zero))
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	for want, args := range map[string][]string{
		`"/dev/zero" is not a regular file`:            {"/dev/zero", good, many},
		"fifo\" is not a regular file":                 {good, fifo, many},
		"long\" is too long, expected at most 1048576": {long, good, many},
		"staples/zero\" is not a regular file":         {good, good, filepath.Dir(zero)},
		"many\" has more than 32 files":                {good, good, many},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitFailed, run(t.Context(), []string{"eic", "verify", "--keys=" + args[0], "--signer-cert=" + args[1], "--ocsp=" + args[2],
			"--instance-id=i-0123456789abcdef0", "--region=us-east-1"}, nil, &stdout, &stderr))
		require.Contains(t, stderr.String(), want)
	}
}
