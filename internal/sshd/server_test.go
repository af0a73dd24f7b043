package sshd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/argv"
	"eic/internal/sshd/sshdtest"
)

// TestMain removes the files that the tests' roots share.
func TestMain(m *testing.M) {
	os.Exit(sshdtest.Main(m))
}

// A real sshd must pass exactly the arguments that were escaped and quoted: it splits and
// expands AuthorizedKeysCommand as argv does.
func TestSSHDPassesQuotedArgumentsUnchanged(t *testing.T) {
	flags := []string{
		"plain", "", "a b", " lead", `it's`, `say "x"`, `a\`, `\\`, `\" \' \ `, "tab\there", "100%", "%u", "%%", "ä ö", "$HOME `x` * ; | &",
		`--chain`, `/usr/bin/x "a b" %u '%f'`, "=", "end\u2028",
	}
	var args []string
	for _, flag := range flags {
		args = append(args, argv.Escape(flag))
	}
	e := Entry{Args: args}
	require.NoError(t, Entry{Args: args[:9]}.Check())
	line := strings.Replace(e.Command(), Program, "/usr/bin/record", 1)
	port := sshdtest.FreePort(t)
	root := sshdtest.NewRoot(t, map[string]string{
		"usr/bin/record": "#!/bin/bash\nprintf '%s\\0' \"$@\" >/run/record\n",
		"etc/ssh/sshd_config": "ListenAddress 127.0.0.1:" + port + "\nUsePAM no\nHostKey /etc/ssh/key\nPidFile none\n" +
			"AuthorizedKeysCommand " + line + "\nAuthorizedKeysCommandUser root\n",
	})
	require.NoError(t, os.Chmod(root, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(root, "usr/bin/record"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "run/sshd"), 0o755))
	sshdtest.MakeKey(t, filepath.Join(root, "etc/ssh/key"))
	key := filepath.Join(t.TempDir(), "key")
	sshdtest.MakeKey(t, key)
	s := sshdtest.StartServer(t, root)

	out, err := exec.Command("ssh", "-F", "none", "-p", port, "-i", key, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "FingerprintHash=sha256", "root@127.0.0.1", "true").CombinedOutput()
	require.Error(t, err, "expected no login, because the command prints no key")
	require.Contains(t, string(out), "Permission denied")
	s.WaitFor(t, "Connection closed")

	got := strings.Split(strings.TrimSuffix(sshdtest.ReadFile(t, root, "run/record"), "\x00"), "\x00")
	want := append([]string{"authorized-keys"}, flags...)
	require.Equal(t, append(want, "root"), got[:len(got)-1])
	require.Regexp(t, `^SHA256:\S+$`, got[len(got)-1])
}
