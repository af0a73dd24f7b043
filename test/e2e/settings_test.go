package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/settings"
	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// The settings of a host apply at the next login without a reload of sshd, by whatever name
// sshd runs eic.
func TestSettingsApplyAtTheNextLogin(t *testing.T) {
	const oldName = "/opt/aws/bin/eic_run_authorized_keys"
	for name, config := range map[string]string{
		"authorized-keys":             host.Packaged,
		"by the name of AWS's script": "AuthorizedKeysCommand " + oldName + " %u %f\n" + host.RunAsServiceUser,
	} {
		t.Run(name, func(t *testing.T) {
			h := hosttest.Start(t, host.Options{}, config)
			require.NoError(t, os.MkdirAll(h.Path(filepath.Dir(oldName)), 0o755))
			require.NoError(t, os.Symlink(host.Binary, h.Path(oldName)))
			set := func(lines string) {
				require.NoError(t, h.WriteFile(settings.File, []byte("trust-anchors "+host.TrustAnchors+"\n"+lines)))
			}
			key := hosttest.NewKey(t, h, "key")
			hosttest.Push(t, h, "alice", key)
			set("")
			hosttest.RequireLogin(t, h, "alice", key)
			set("deny-user al*\n")
			hosttest.RequireNoLogin(t, h, "alice", key)
			require.NoError(t, h.Log.Wait(t.Context(), "eic", `user-denied: user "alice" matches deny-user "al*"`))
			set("# deny-user al*\n")
			hosttest.RequireLogin(t, h, "alice", key)
		})
	}
}

// A rule allows a user for a caller. Any other combination is refused, and "eic policy test"
// predicts that. A rule may be in sshd's configuration too.
func TestRuleAllowsAUserOnlyForItsCaller(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, "")
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.Push(t, h, "bob", key)
	set := func(lines string) {
		require.NoError(t, h.WriteFile(settings.File, []byte("trust-anchors "+host.TrustAnchors+"\n"+lines)))
	}
	test := func(user string) int {
		return hosttest.Capture(t, h.Command("root", host.Binary, "policy", "test", user, sim.DefaultCaller)).Status
	}
	set("")
	hosttest.Change(t, h, "enable")
	hosttest.RequireLogin(t, h, "bob", key)
	set("allow alice from " + sim.DefaultCaller + "\nallow bob from arn:aws:iam::*:user/bob\n")
	require.Zero(t, test("alice"))
	hosttest.RequireLogin(t, h, "alice", key)
	require.Equal(t, 1, test("bob"))
	hosttest.RequireNoLogin(t, h, "bob", key)
	require.NoError(t, h.Log.Wait(t.Context(), "eic", `rule-denied: user "bob" and caller "`+sim.DefaultCaller+`" match none of allow`))
	set("")
	hosttest.Change(t, h, "enable", "--allow=alice from *")
	hosttest.RequireNoLogin(t, h, "bob", key)
	hosttest.RequireLogin(t, h, "alice", key)
}

// If settings are not trusted or cannot be parsed, no pushed key logs in, and the log
// says why. Other ways to log in still work.
func TestUntrustedOrInvalidSettingsRefusePushedKeys(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	key, own := hosttest.NewKey(t, h, "key"), hosttest.NewKey(t, h, "own")
	hosttest.Push(t, h, "alice", key)
	public, err := os.ReadFile(own + ".pub")
	require.NoError(t, err)
	require.NoError(t, h.WriteFile(host.Home("alice")+"/.ssh/authorized_keys", public))
	file := h.Path(settings.File)
	directory := filepath.Dir(file)
	for name, test := range map[string]struct {
		change func() error
		log    string
	}{
		"unknown setting":                 {func() error { return os.WriteFile(file, []byte("\ndeny-users bob\n"), 0o644) }, `"/etc/eic/eic.conf" line 2: there is no flag "deny-users"`},
		"file writable by everybody":      {func() error { return os.Chmod(file, 0o666) }, `"/etc/eic/eic.conf" may be written to by its group or by others (mode 0666); run: chmod go-w /etc/eic/eic.conf`},
		"file owned by another user":      {func() error { return os.Chown(file, 1000, 0) }, `"/etc/eic/eic.conf" is owned by uid 1000, expected root; run: chown root /etc/eic/eic.conf`},
		"directory writable by everybody": {func() error { return os.Chmod(directory, 0o777) }, `"/etc/eic" may be written to`},
		"file readable only by root":      {func() error { return os.Chmod(file, 0o600) }, "permission denied"},
		"a FIFO":                          {func() error { return replace(file, func() error { return syscall.Mkfifo(file, 0o644) }) }, "is not a regular file"},
		"dangling symbolic link":          {func() error { return replace(file, func() error { return os.Symlink("/none", file) }) }, `"/etc/eic/eic.conf" is a dangling link`},
		"symbolic link to /dev/zero":      {func() error { return replace(file, func() error { return os.Symlink("/dev/zero", file) }) }, "is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(directory))
			require.NoError(t, h.WriteFile(settings.File, []byte("deny-user bob\n")))
			require.NoError(t, test.change())
			h.Log.Forget()
			hosttest.RequireNoLogin(t, h, "alice", key)
			require.NoError(t, h.Log.Wait(t.Context(), "eic", test.log))
			hosttest.RequireLogin(t, h, "alice", own)
		})
	}
	require.NoError(t, os.RemoveAll(directory))
	hosttest.RequireLogin(t, h, "alice", key)
}

func replace(file string, make func() error) error {
	if err := os.Remove(file); err != nil {
		return err
	}
	return make()
}
