package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
	"eic/test/needs"
)

func TestSettingsOfTheHost(t *testing.T) {
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
		"no file exists": {damage: host(none), check: "settings", verdict: doctor.OK, found: "nothing is set"},
		"settings of the file are listed": {damage: host(good),
			check: "settings", verdict: doctor.OK, found: "deny-user root (" + good + " line 2), caller-env true (" + good + " line 3)"},
		"flags in sshd's command are listed too": {
			damage: func(b *bench) {
				host(good)(b)
				b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --domain=example.com %u\n" + userLine
			},
			check: "settings", verdict: doctor.OK, found: "--domain=example.com (sshd's command), deny-user root"},
		"settings are listed for the program's old name": {
			damage: func(b *bench) {
				host(good)(b)
				b.files["opt/aws/bin/eic_run_authorized_keys"] = link("/usr/bin/eic")
				b.config = "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys\n" + userLine
			},
			check: "settings", verdict: doctor.OK, found: "deny-user root"},
		"setting is misspelled": {damage: host(wrong),
			check: "settings", verdict: doctor.Broken, found: `line 2: there is no flag "deny-users"`, remedy: "correct line 2 of " + wrong},
		"others can write to the file": {damage: host(open),
			check: "settings", verdict: doctor.Broken, found: "may be written to by its group or by others", remedy: "chmod go-w " + open},
		"invalid settings are reported by one check only": {damage: host(wrong),
			check: "arguments", verdict: doctor.NotChecked, found: "settings of the host are wrong"},
		"file of --config is missing": {
			damage: func(b *bench) {
				b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --config=" + none + " %u\n" + userLine
			},
			check: "settings", verdict: doctor.Broken, found: "no such file", remedy: "remove --config"},
	})
}

// sshd refuses every key with an option that it does not support. Amazon Linux 2 has
// OpenSSH 7.4.
func TestKeyOptionsThatSSHDDoesNotSupport(t *testing.T) {
	needs.Root(t)
	file := filepath.Join(t.TempDir(), "eic.conf")
	require.NoError(t, os.WriteFile(file, []byte("# ours\nkey-options restrict,expiry-time=\"20300101\"\n"), 0o644))
	inFile := func(openSSH string) func(*bench) {
		return func(b *bench) { b.Files.Host, b.openSSH = file, openSSH }
	}
	requireTroubles(t, map[string]trouble{
		"no options are set": {check: "key-options", verdict: doctor.OK, found: "none are set"},
		"option is supported": {damage: inFile("OpenSSH_8.0p1, OpenSSL"),
			check: "key-options", verdict: doctor.OK, found: "expiry-time"},
		"unsupported option in the host's file": {damage: inFile("OpenSSH_7.4p1, OpenSSL"),
			check: "key-options", verdict: doctor.Broken, found: `does not support the key option "expiry-time", which came with OpenSSH 7.7`,
			remedy: "take expiry-time out of key-options (" + file + ":2)"},
		"unsupported option in sshd's command": {
			damage: func(b *bench) {
				b.openSSH = "OpenSSH_7.4p1, OpenSSL"
				b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --key-options=restrict,permitlisten=\\\"1\\\" %u\n" + userLine
			},
			check: "key-options", verdict: doctor.Broken, found: `"permitlisten"`, remedy: "--key-options, set at /etc/ssh/sshd_config:1"},
	})
}
