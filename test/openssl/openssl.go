// Package openssl runs the openssl program for tests that need an independent
// verification. It imports no package of the product, so that the simulator's tests can use it
// too.
package openssl

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/needs"
)

// Ask runs the program in a directory, without this machine's configuration. It returns the
// output, and whether the status is 0. It returns an error if the program could not be run or
// was killed.
func Ask(ctx context.Context, dir string, args ...string) (says string, ok bool, err error) {
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "OPENSSL_CONF=/dev/null", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		return "", false, fmt.Errorf("running openssl %s: %w", strings.Join(args, " "), err)
	}
	return string(out), err == nil, nil
}

// Run is Ask for a test, which fails if the program could not be run.
func Run(t *testing.T, dir string, args ...string) (says string, ok bool) {
	t.Helper()
	needs.Tool(t, "openssl")
	says, ok, err := Ask(t.Context(), dir, args...)
	require.NoError(t, err)
	return says, ok
}

// PEM returns certificates as PEM text.
func PEM(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}
