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
	"eic/test/host/hosttest"
)

func TestOnlyTheOfferedKeyIsPrinted(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	first, second := hosttest.NewKey(t, h, "first"), hosttest.NewKey(t, h, "second")
	hosttest.Push(t, h, "alice", first)
	id := hosttest.Push(t, h, "alice", second)
	hosttest.RequireLogin(t, h, "alice", second)
	requireProvided(t, h, providing(hosttest.Fingerprint(t, second, "sha256"), id))
}

func TestWithoutFingerprintEveryKeyIsPrinted(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, "AuthorizedKeysCommand "+host.Binary+
		" authorized-keys --trust-anchors "+host.TrustAnchors+" %u\n"+host.RunAsServiceUser)
	first, second := hosttest.NewKey(t, h, "first"), hosttest.NewKey(t, h, "second")
	firstID, secondID := hosttest.Push(t, h, "alice", first), hosttest.Push(t, h, "alice", second)
	hosttest.RequireLogin(t, h, "alice", second)
	requireProvided(t, h,
		providing(hosttest.Fingerprint(t, first, "sha256"), firstID),
		providing(hosttest.Fingerprint(t, second, "sha256"), secondID))
	hosttest.RequireNoLogin(t, h, "alice", hosttest.NewKey(t, h, "third"))
}

func TestKeyIsFoundByItsMD5Fingerprint(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged+"FingerprintHash md5\n")
	hosttest.Push(t, h, "alice", hosttest.NewKey(t, h, "other"))
	key := hosttest.NewKey(t, h, "key")
	id := hosttest.Push(t, h, "alice", key)
	hosttest.RequireLogin(t, h, "alice", key)
	requireProvided(t, h, providing(hosttest.Fingerprint(t, key, "md5"), id))
}

// This is the configuration of AWS's package. It has no flags, so eic uses the default trust
// anchors of the partition.
func TestConfigurationOfAWSsPackageLogsIn(t *testing.T) {
	const oldName = "/opt/aws/bin/eic_run_authorized_keys"
	h := hosttest.Start(t, host.Options{
		Users: []string{"ec2-instance-connect"},
		Sim:   sim.Options{Region: "cn-north-1", Domain: "amazonaws.com.cn"},
	}, "")
	require.NoError(t, os.MkdirAll(h.Path(filepath.Dir(oldName)), 0o755))
	require.NoError(t, os.Symlink(host.Binary, h.Path(oldName)))
	require.NoError(t, h.WriteFile("/etc/ssl/certs/ca-certificates.crt", h.Sim.Roots))
	restart(t, h, "AuthorizedKeysCommand "+oldName+" %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n")

	key := hosttest.NewKey(t, h, "key")
	id := hosttest.Push(t, h, "alice", key)
	hosttest.RequireLogin(t, h, "alice", key)
	requireProvided(t, h, providing(hosttest.Fingerprint(t, key, "sha256"), id))
}

func TestRootInSystemStoreIsNotTrustedForAmazonawsCom(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, "AuthorizedKeysCommand "+host.Binary+" authorized-keys %u %f\n"+host.RunAsServiceUser)
	require.NoError(t, h.WriteFile("/etc/ssl/certs/ca-certificates.crt", h.Sim.Roots))
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.RequireNoLogin(t, h, "alice", key)
	require.Len(t, h.Log.Texts("eic"), 1)
	require.Contains(t, h.Log.Texts("eic")[0], "not trusted: verifying the signer certificate")
}

func TestPushedKeyDoesNotOverrideAllowUsers(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged+"AllowUsers bob\n")
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.Push(t, h, "bob", key)
	hosttest.RequireNoLogin(t, h, "alice", key)
	hosttest.RequireLogin(t, h, "bob", key)
}

func TestMissingUserCausesNoRequest(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "mallory", key)
	hosttest.RequireNoLogin(t, h, "mallory", key)
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
