package records

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// An outage of the metadata service must not flood the log: however often eic tries, it
// writes one record for each key that the client offers, and sshd adds one line of its own.
func TestOutageLogsOneRecordForEachOfferedKey(t *testing.T) {
	for fault, record := range map[string]string{
		"token=403":        `for token: answered 403 Forbidden: the metadata service is disabled for this instance$`,
		"token=503":        `for token: the budget of 400ms is spent; last failure: answered 503 Service Unavailable \(attempt \d+\)$`,
		"active-keys=hang": `for active-keys: the budget of 400ms is spent; no complete answer came$`,
		"signer-cert=503":  `for signer-cert: the budget of 400ms is spent; last failure: answered 503 Service Unavailable \(attempt \d+\)$`,
	} {
		t.Run(fault, func(t *testing.T) {
			h := hosttest.Start(t, host.Options{Sim: sim.Options{Faults: []string{fault}}},
				"AuthorizedKeysCommand "+host.Binary+" authorized-keys --budget=400ms --trust-anchors "+host.TrustAnchors+" %u %f\n"+host.RunAsServiceUser)
			var more []string
			keys := []string{hosttest.NewKey(t, h, "a"), hosttest.NewKey(t, h, "b"), hosttest.NewKey(t, h, "c")}
			for _, key := range keys {
				hosttest.Push(t, h, "alice", key)
			}
			for _, key := range keys[1:] {
				more = append(more, "-o", "IdentityFile="+key)
			}
			login := h.SSH("alice", keys[0])
			login.Args = append(login.Args[:1:1], append(more, login.Args[1:]...)...)
			require.Equal(t, 255, hosttest.Capture(t, login).Status)

			records := h.Log.Texts("eic")
			require.Len(t, records, len(keys))
			for _, text := range records {
				require.Regexp(t, record, text)
			}
			failed := 0
			for _, line := range h.Log.Lines("") {
				if strings.HasSuffix(line.Text, " failed, status 1") {
					failed++
				}
			}
			require.Equal(t, len(keys), failed, "expected one line of sshd for each failed run")
		})
	}
}
