package chain

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/sssd"
)

// Users that exist only in LDAP log in with their keys in LDAP before eic is enabled, while it
// is, and afterwards. While it is enabled, keys can be pushed for them too.
func TestSSSDKeepsItsLogins(t *testing.T) {
	for _, user := range []string{"nobody", "root"} {
		t.Run("as "+user, func(t *testing.T) {
			h := hosttest.Start(t, host.Options{}, fmt.Sprintf("AuthorizedKeysCommand %s %%u\nAuthorizedKeysCommandUser %s\n", sssd.Command, user))
			require.NoError(t, h.WriteFile("/etc/eic/eic.conf", []byte("trust-anchors "+host.TrustAnchors+"\n")))
			recorded, pushed := hosttest.NewKey(t, h, "recorded"), hosttest.NewKey(t, h, "pushed")
			sssd.Start(t, h, map[string]string{"carol": recorded})
			push := func() {
				hosttest.Push(t, h, "alice", pushed)
				hosttest.Push(t, h, "carol", pushed)
			}
			push()
			hosttest.RequireLogin(t, h, "carol", recorded)
			hosttest.RequireNoLogin(t, h, "carol", pushed)
			hosttest.RequireNoLogin(t, h, "alice", pushed)

			hosttest.Change(t, h, "enable", "--chain")
			push()
			hosttest.RequireLogin(t, h, "carol", recorded)
			hosttest.RequireLogin(t, h, "carol", pushed)
			hosttest.RequireLogin(t, h, "alice", pushed)
			hosttest.RequireNoLogin(t, h, "alice", recorded)

			hosttest.Change(t, h, "disable")
			push()
			hosttest.RequireLogin(t, h, "carol", recorded)
			hosttest.RequireNoLogin(t, h, "carol", pushed)
		})
	}
}
