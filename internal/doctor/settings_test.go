package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
	"eic/test/needs"
)

func TestTheSettingsOfTheHost(t *testing.T) {
	needs.Root(t)
	write := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(name, []byte(text), mode))
		require.NoError(t, os.Chmod(name, mode))
		return name
	}
	host := func(name string) func(*bench) { return func(b *bench) { b.Files.Host = name } }
	none := filepath.Join(t.TempDir(), "none")
	good := write("eic.conf", "# ours\ndeny-user root\ncaller-env\n", 0o644)
	wrong := write("eic.conf", "\ndeny-users root\n", 0o644)
	open := write("eic.conf", "deny-user root\n", 0o666)
	requireTroubles(t, map[string]trouble{
		"are not given": {damage: host(none), check: "settings", verdict: doctor.OK, found: "nothing is set"},
		"are listed": {damage: host(good),
			check: "settings", verdict: doctor.OK, found: "deny-user root (" + good + " line 2), caller-env true (" + good + " line 3)"},
		"are listed beside sshd's flags": {
			damage: func(b *bench) {
				host(good)(b)
				b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --domain=example.com %u\n" + userLine
			},
			check: "settings", verdict: doctor.OK, found: "--domain=example.com (sshd's command), deny-user root"},
		"are listed for the old name too": {
			damage: func(b *bench) {
				host(good)(b)
				b.files["opt/aws/bin/eic_run_authorized_keys"] = link("/usr/bin/eic")
				b.config = "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys\n" + userLine
			},
			check: "settings", verdict: doctor.OK, found: "deny-user root"},
		"cannot be understood": {damage: host(wrong),
			check: "settings", verdict: doctor.Broken, found: `line 2: there is no flag "deny-users"`, remedy: "correct line 2 of " + wrong},
		"may be written by others": {damage: host(open),
			check: "settings", verdict: doctor.Broken, found: "may be written to by its group or by others", remedy: "chmod go-w " + open},
		"are told of once": {damage: host(wrong),
			check: "arguments", verdict: doctor.NotChecked, found: "settings of the host are wrong"},
		"that --config names are not there": {
			damage: func(b *bench) {
				b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --config=" + none + " %u\n" + userLine
			},
			check: "settings", verdict: doctor.Broken, found: "no such file", remedy: "take --config out"},
	})
}

// Amazon Linux 2 refuses every key with an option that its OpenSSH does not know.
func TestKeyOptionsThatSSHDDoesNotKnow(t *testing.T) {
	needs.Root(t)
	file := filepath.Join(t.TempDir(), "eic.conf")
	require.NoError(t, os.WriteFile(file, []byte("# ours\nkey-options restrict,expiry-time=\"20300101\"\n"), 0o644))
	inFile := func(openSSH string) func(*bench) {
		return func(b *bench) { b.Files.Host, b.openSSH = file, openSSH }
	}
	requireTroubles(t, map[string]trouble{
		"are not given": {check: "key-options", verdict: doctor.OK, found: "none are set"},
		"are known": {damage: inFile("OpenSSH_8.0p1, OpenSSL"),
			check: "key-options", verdict: doctor.OK, found: "expiry-time"},
		"stand in the host's file": {damage: inFile("OpenSSH_7.4p1, OpenSSL"),
			check: "key-options", verdict: doctor.Broken, found: `does not support the key option "expiry-time", which came with OpenSSH 7.7`,
			remedy: "take expiry-time out of key-options (" + file + ":2)"},
		"stand in sshd's command": {
			damage: func(b *bench) {
				b.openSSH = "OpenSSH_7.4p1, OpenSSL"
				b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --key-options=restrict,permitlisten=\\\"1\\\" %u\n" + userLine
			},
			check: "key-options", verdict: doctor.Broken, found: `"permitlisten"`, remedy: "--key-options, set at /etc/ssh/sshd_config:1"},
	})
}
