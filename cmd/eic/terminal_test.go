package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/printable"
)

// Whoever hands over evidence names its files. Such a name must not steer the
// terminal of whoever verifies it.
func TestNamesOfFilesThatSteerATerminal(t *testing.T) {
	const hostile = "\x1b]0;owned\x07\u009b2J"
	dir := t.TempDir()
	staples := filepath.Join(dir, "ocsp"+hostile)
	require.NoError(t, os.MkdirAll(filepath.Join(staples, hostile), 0o755)) // a directory, where a file is expected
	piece := filepath.Join(dir, "piece")
	require.NoError(t, os.WriteFile(piece, nil, 0o600))
	for name, args := range map[string][]string{
		"a directory":      {staples},
		"a file":           {"--keys=" + hostile, "--signer-cert=x", "--ocsp=x", "--instance-id=i-0123456789abcdef0", "--region=us-east-1"},
		"a staple":         {"--keys=" + piece, "--signer-cert=" + piece, "--ocsp=" + staples, "--instance-id=i-0123456789abcdef0", "--region=us-east-1"},
		"a flag":           {"--" + hostile},
		"an instance's id": {"--keys=x", "--signer-cert=x", "--ocsp=x", "--instance-id=" + hostile, "--region=us-east-1"},
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
