package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
)

func TestOnlyTheOfferedKeyIsPrinted(t *testing.T) {
	h := start(t, host.Options{}, host.Packaged)
	first, second := newKey(t, h, "first"), newKey(t, h, "second")
	push(t, h, "alice", first)
	id := push(t, h, "alice", second)
	requireLogin(t, h, "alice", second)
	requireProvided(t, h, providing(fingerprint(t, second, "sha256"), id))
}

func TestWithoutFingerprintEveryKeyIsPrinted(t *testing.T) {
	h := start(t, host.Options{}, "AuthorizedKeysCommand "+host.Binary+
		" authorized-keys --trust-anchors "+host.TrustAnchors+" %u\n"+host.RunAsServiceUser)
	first, second := newKey(t, h, "first"), newKey(t, h, "second")
	firstID, secondID := push(t, h, "alice", first), push(t, h, "alice", second)
	requireLogin(t, h, "alice", second)
	requireProvided(t, h,
		providing(fingerprint(t, first, "sha256"), firstID),
		providing(fingerprint(t, second, "sha256"), secondID))
	requireNoLogin(t, h, "alice", newKey(t, h, "third"))
}

func TestFingerprintMayBeMD5(t *testing.T) {
	h := start(t, host.Options{}, host.Packaged+"FingerprintHash md5\n")
	push(t, h, "alice", newKey(t, h, "other"))
	key := newKey(t, h, "key")
	id := push(t, h, "alice", key)
	requireLogin(t, h, "alice", key)
	requireProvided(t, h, providing(fingerprint(t, key, "md5"), id))
}

// The configuration is the one that the shell scripts came with. It has no place for
// flags, so trust is the default for the partition.
func TestOldNameInOldConfigurationLogsIn(t *testing.T) {
	const oldName = "/opt/aws/bin/eic_run_authorized_keys"
	h := start(t, host.Options{
		Users: []string{"ec2-instance-connect"},
		Sim:   sim.Options{Region: "cn-north-1", Domain: "amazonaws.com.cn"},
	}, "")
	require.NoError(t, os.MkdirAll(h.Path(filepath.Dir(oldName)), 0o755))
	require.NoError(t, os.Symlink(host.Binary, h.Path(oldName)))
	require.NoError(t, h.WriteFile("/etc/ssl/certs/ca-certificates.crt", h.Sim.Roots))
	restart(t, h, "AuthorizedKeysCommand "+oldName+" %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n")

	key := newKey(t, h, "key")
	id := push(t, h, "alice", key)
	requireLogin(t, h, "alice", key)
	requireProvided(t, h, providing(fingerprint(t, key, "sha256"), id))
}

func TestStrangersRootInSystemStoreIsNoAmazon(t *testing.T) {
	h := start(t, host.Options{}, "AuthorizedKeysCommand "+host.Binary+" authorized-keys %u %f\n"+host.RunAsServiceUser)
	require.NoError(t, h.WriteFile("/etc/ssl/certs/ca-certificates.crt", h.Sim.Roots))
	key := newKey(t, h, "key")
	push(t, h, "alice", key)
	requireNoLogin(t, h, "alice", key)
	require.Len(t, h.Log.Texts("eic"), 1)
	require.Contains(t, h.Log.Texts("eic")[0], "not trusted: verifying the signer certificate")
}

func TestAllowUsersStillWins(t *testing.T) {
	h := start(t, host.Options{}, host.Packaged+"AllowUsers bob\n")
	key := newKey(t, h, "key")
	push(t, h, "alice", key)
	push(t, h, "bob", key)
	requireNoLogin(t, h, "alice", key)
	requireLogin(t, h, "bob", key)
}

func TestNobodyAsksAboutUsersWhoDoNotExist(t *testing.T) {
	h := start(t, host.Options{}, host.Packaged)
	key := newKey(t, h, "key")
	push(t, h, "mallory", key)
	requireNoLogin(t, h, "mallory", key)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, h.Log.Wait(ctx, "sshd", "Invalid user mallory"))
	require.Zero(t, h.Sim.Stats().Total())
}

// restart starts sshd with another configuration.
func restart(t *testing.T, h *host.Host, config string) {
	t.Helper()
	h.StopSSHD()
	h.Log.Forget()
	require.NoError(t, h.Configure(config))
	require.NoError(t, h.StartSSHD())
}
