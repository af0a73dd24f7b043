package settings

import (
	"bytes"
	"encoding/pem"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/audit"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// The bounds of --budget are those that its help gives.
func TestBoundsOfTheBudget(t *testing.T) {
	require.Equal(t, 5*time.Second, New().Budget)
	for budget, want := range map[string]bool{"1ns": true, "1m": true, "0s": false, "-1s": false, "1m1ns": false} {
		require.Equal(t, want, readErr(t, "", "--budget="+budget) == nil, budget)
	}
}

// --log and --log-format choose where events go and in which form.
func TestOpenLog(t *testing.T) {
	var w bytes.Buffer
	for _, test := range []struct {
		args []string
		want audit.Log
	}{
		{nil, audit.NewSystemLog(audit.Text, audit.Sockets()...)},
		{[]string{"--log-format=json"}, audit.NewSystemLog(audit.JSON, audit.Sockets()...)},
		{[]string{"--log=stderr"}, audit.Writer{W: &w, Format: audit.Text}},
		{[]string{"--log=stderr", "--log-format=json"}, audit.Writer{W: &w, Format: audit.JSON}},
	} {
		s, err := read(t, "", test.args...)
		require.NoError(t, err)
		require.Equal(t, test.want, s.OpenLog(&w), "%q", test.args)
	}
}

// sshd runs its command in another directory, where a relative name is another file.
func TestCheckPathsRefusesRelativeNames(t *testing.T) {
	for _, test := range []struct{ anchors, file, reason string }{
		{"auto", "", ""},
		{"system", "/etc/other.conf", ""},
		{"/etc/ca.pem", "", ""},
		{"ca.pem", "", `--trust-anchors: "ca.pem" is neither`},
		{"auto", "eic.conf", `--config: "eic.conf" is not an absolute path`},
	} {
		s := New()
		s.TrustAnchors, s.File = test.anchors, test.file
		if test.reason == "" {
			require.NoError(t, s.CheckPaths())
			continue
		}
		require.ErrorContains(t, s.CheckPaths(), test.reason)
	}
}

func TestCheckFingerprint(t *testing.T) {
	for _, test := range []struct {
		chain, fingerprint string
		given              bool
		reason             string
	}{
		{"", "", false, ""},
		{"", fingerprint, true, ""},
		{"", "", true, "the fingerprint is"},
		{"", "x", true, "the fingerprint is"},
		{"/usr/bin/keys %u", "", false, ""},
		{"/usr/bin/keys %u %f", fingerprint, true, ""},
		{"/usr/bin/keys %u %f", "", false, "expected FINGERPRINT after USER"},
	} {
		s, err := read(t, "", "--chain="+test.chain)
		require.NoError(t, err)
		err = s.CheckFingerprint(test.given, test.fingerprint)
		if test.reason == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, test.reason)
	}
}

// If the chained command were this program, it would run itself endlessly.
func TestChainedCommandMustNotBeThisProgram(t *testing.T) {
	this, err := os.Executable()
	require.NoError(t, err)
	require.ErrorContains(t, readErr(t, "", "--chain="+this+" %u"), "the command is this program itself")
}

// A file that is only tried, not in force, may be owned by any user.
func TestAnybodyMayOwnAFileThatIsOnlyTried(t *testing.T) {
	require.Negative(t, Anybody, "no user has this id")
	name := write(t, "deny-user root\n")
	for _, uid := range []int{1, 12345} {
		require.NoError(t, os.Chown(name, uid, uid))
		s, err := Load(t.Context(), Files{Host: name, UID: Anybody})
		require.NoError(t, err)
		require.Equal(t, []string{"root"}, s.Policy.DenyUsers)
		_, err = Load(t.Context(), Files{Host: name})
		require.ErrorContains(t, err, "expected root")
	}
}

// Without flags, "--" before USER is optional, and so is FINGERPRINT.
func TestCallWithoutFlags(t *testing.T) {
	for _, args := range [][]string{{"alice"}, {"--", "alice"}, {"alice", fingerprint}} {
		call, err := ParseCall(t.Context(), args, Files{})
		require.NoError(t, err)
		require.Empty(t, call.Flags)
		require.Equal(t, "alice", call.User)
	}
}

// A file of trust anchors replaces all others. The confined process then reads no other
// file.
func TestFileOfTrustAnchorsReplacesAllOthers(t *testing.T) {
	text, err := os.ReadFile("../trust/roots/amazon-root-ca-1.pem")
	require.NoError(t, err)
	name := write(t, string(text))
	s, err := read(t, "", "--trust-anchors", name)
	require.NoError(t, err)
	require.Nil(t, s.AnchorsText())
	require.NoError(t, s.LoadAnchors(t.Context(), 0))
	require.Equal(t, text, s.AnchorsText())
	want, err := trust.ParseAnchors(text)
	require.NoError(t, err)
	for _, domain := range trust.Domains() {
		pool, err := s.Anchors(domain)
		require.NoError(t, err)
		require.True(t, want.Equal(pool), domain)
	}
	require.Empty(t, s.Needs().Read)
	require.Empty(t, s.Needs().ReadBelow)

	block, _ := pem.Decode(text)
	require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: block.Bytes}), 0o600))
	require.ErrorContains(t, s.LoadAnchors(t.Context(), 0), "expected a CERTIFICATE")
}

// Whoever can write to the file of trust anchors can choose the signer.
func TestTrustAnchorsThatOthersCanWriteToAreRefused(t *testing.T) {
	text, err := os.ReadFile("../trust/roots/amazon-root-ca-1.pem")
	require.NoError(t, err)
	name := write(t, string(text))
	s, err := read(t, "", "--trust-anchors", name)
	require.NoError(t, err)
	require.NoError(t, os.Chown(name, 12345, 12345))
	require.ErrorContains(t, s.LoadAnchors(t.Context(), 0), "expected root")
	require.NoError(t, s.LoadAnchors(t.Context(), 12345), "expected a user's own file to be accepted for that user")
	require.NoError(t, os.Chmod(name, 0o666))
	require.ErrorContains(t, s.LoadAnchors(t.Context(), 12345), "may be written to")
}

func TestNeedsAreTheSystemsAnchorsAndOnePort(t *testing.T) {
	s, err := read(t, "")
	require.NoError(t, err)
	require.NotEmpty(t, s.Needs().ReadBelow)
	require.NotEmpty(t, s.Needs().Read)
	require.Equal(t, uint16(metadata.DefaultPort), s.Needs().Port)
	s, err = read(t, "", "--imds-endpoint=http://127.0.0.1:8080")
	require.NoError(t, err)
	require.Equal(t, uint16(8080), s.Needs().Port)
}

// An error in one line gives its number. An error of the whole file gives none.
func TestErrorOfAWholeFileHasNoLine(t *testing.T) {
	err := readErr(t, write(t, "\x00deny-user root\n"))
	require.ErrorContains(t, err, "NUL")
	require.NotContains(t, err.Error(), " line ")
	require.ErrorContains(t, readErr(t, write(t, "x\n")), " line 1: ")
}

// If two settings contradict each other, the error is about the one that is in force.
func TestErrorIsAboutTheSettingInForce(t *testing.T) {
	err := readErr(t, write(t, "budget 1s\nno-instance-check false\n"), "--no-instance-check")
	require.ErrorContains(t, err, "--no-instance-check is only for use with --imds-endpoint")
	require.NotContains(t, err.Error(), " line ")
	require.NoError(t, readErr(t, write(t, "no-instance-check\nimds-endpoint http://127.0.0.1:80\n")))
}
