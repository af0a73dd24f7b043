package e2e

import (
	"encoding/json"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
)

func TestKeyPushedByAWSClientLogsIn(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	pushed := hosttest.Capture(t, h.Service().Command("alice", key))
	require.Zero(t, pushed.Status, pushed.Stderr)
	var answer struct {
		Success   bool
		RequestID string `json:"RequestId"`
	}
	require.NoError(t, json.Unmarshal([]byte(pushed.Stdout), &answer))
	require.True(t, answer.Success)

	hosttest.RequireLogin(t, h, "alice", key)
	requireProvided(t, h, providing(hosttest.Fingerprint(t, key, "sha256"), answer.RequestID))
}

func TestKeyPushedForAnotherUserDoesNotLogIn(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.RequireNoLogin(t, h, "bob", key)
	require.Empty(t, h.Log.Texts("eic"), "expected no log line for a user without pushed keys")
}

func TestUnpushedKeyDoesNotLogIn(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	hosttest.Push(t, h, "alice", hosttest.NewKey(t, h, "pushed"))
	hosttest.RequireNoLogin(t, h, "alice", hosttest.NewKey(t, h, "other"))
	require.Empty(t, h.Log.Texts("eic"), "expected no log line for a key with another fingerprint")
}

func TestExpiredKeyDoesNotLogIn(t *testing.T) {
	const ttl = 6 * time.Second
	h := hosttest.Start(t, host.Options{Sim: sim.Options{TTL: ttl}}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	expired := time.After(ttl + time.Second)
	hosttest.RequireLogin(t, h, "alice", key)
	h.Log.Forget()
	<-expired
	hosttest.RequireNoLogin(t, h, "alice", key)
	require.Empty(t, h.Log.Texts("eic"))
}

func TestEachOfTwoUsersHasTheirOwnKey(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	users := []string{"alice", "bob"}
	keys := map[string]string{}
	var pushes sync.WaitGroup
	errs := make([]error, len(users))
	for i, user := range users {
		keys[user] = hosttest.NewKey(t, h, user)
		pushes.Go(func() { _, errs[i] = h.Service().Push(t.Context(), user, keys[user]) })
	}
	pushes.Wait()
	require.Equal(t, []error{nil, nil}, errs)
	hosttest.RequireLogin(t, h, "alice", keys["alice"])
	hosttest.RequireLogin(t, h, "bob", keys["bob"])
	hosttest.RequireNoLogin(t, h, "alice", keys["bob"])
	hosttest.RequireNoLogin(t, h, "bob", keys["alice"])
}

func TestEveryKeyTypeLogsIn(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	for _, kind := range []struct {
		name string
		bits int
	}{
		{"ed25519", 256}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}, {"rsa", 2048}, {"rsa", 4096},
	} {
		name := kind.name + strconv.Itoa(kind.bits)
		t.Run(name, func(t *testing.T) {
			key, err := h.NewKey(name, kind.name, "-b", strconv.Itoa(kind.bits))
			require.NoError(t, err)
			public, err := os.ReadFile(key + ".pub")
			require.NoError(t, err)
			// The API accepts only RSA and Ed25519 keys.
			_, err = h.Sim.Push("alice", string(public))
			require.NoError(t, err)
			hosttest.RequireLogin(t, h, "alice", key)
		})
	}
}

func TestManyLoginsAtOnceAllSucceed(t *testing.T) {
	const logins, atOnce = 48, 16
	h := hosttest.Start(t, host.Options{}, host.Packaged+"MaxStartups 100\n")
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	var group sync.WaitGroup
	places := make(chan struct{}, atOnce)
	failures := make([]string, logins)
	for i := range logins {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			result, err := host.Capture(t.Context(), h.SSH("alice", key, "whoami"))
			if err != nil || result.Stdout != "alice\n" {
				failures[i] = result.Stderr
			}
		})
	}
	group.Wait()
	require.Equal(t, make([]string, logins), failures)
	require.Len(t, h.Log.Texts("eic"), 2*logins, "expected two runs for each login, because sshd asks twice about a key that it accepts")
}

func TestKeyInAuthorizedKeysFileStillLogsIn(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	inFile, pushed := hosttest.NewKey(t, h, "in-file"), hosttest.NewKey(t, h, "pushed")
	public, err := os.ReadFile(inFile + ".pub")
	require.NoError(t, err)
	require.NoError(t, h.WriteFile(host.Home("alice")+"/.ssh/authorized_keys", public))

	hosttest.RequireLogin(t, h, "alice", inFile)
	require.Empty(t, h.Log.Texts("eic"))
	hosttest.Push(t, h, "alice", pushed)
	hosttest.RequireLogin(t, h, "alice", pushed)
	hosttest.RequireLogin(t, h, "alice", inFile)
}
