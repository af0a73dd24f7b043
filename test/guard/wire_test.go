package guard

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/ca"
	"eic/test/bench/scene"
	"eic/test/bench/trips"
	"eic/test/host"
	"eic/test/needs"
)

// delay is the delay of each answer. It must be longer than a busy machine delays a request
// that waits for no other.
const delay = 300 * time.Millisecond

// The cost of a run that sends no request, that requests only the keys, and that requests
// everything. The number of connections is a maximum: staples may be requested while other
// answers are still arriving on other connections.
var (
	nothing    = trips.Cost{}
	keysOnly   = trips.Cost{Requests: 2, Depth: 2, Connections: 1}
	everything = trips.Cost{Requests: 9, Depth: 4, Connections: 7}
)

func TestRequestsAndRoundTripsOfARun(t *testing.T) {
	needs.Root(t)
	keys := new(ca.Keys)
	for name, test := range map[string]struct {
		scene  scene.Options
		user   string
		pushed int // keys for alice
		want   trips.Cost
	}{
		"a user without keys":        {user: "bob", pushed: 1, want: keysOnly},
		"a printed key":              {user: "alice", pushed: 1, want: everything},
		"a printed key among many":   {user: "alice", pushed: 50, want: everything},
		"a forged key":               {user: "alice", pushed: 1, scene: scene.Options{Fault: scene.Forged}, want: everything},
		"a key for another instance": {user: "alice", pushed: 1, scene: scene.Options{Fault: "keys=other-instance"}, want: keysOnly},
		"an expired key":             {user: "alice", pushed: 1, scene: scene.Options{Fault: "keys=expired"}, want: keysOnly},
		"an invalid user name":       {user: "alice/../bob", pushed: 1, want: nothing},
		"a machine outside EC2":      {user: "alice", pushed: 1, scene: scene.Options{Platform: host.NotEC2}, want: nothing},
		// Xen's firmware has no instance id, so the program must request it.
		"a printed key on Xen": {user: "alice", pushed: 1, scene: scene.Options{Platform: host.Xen},
			want: trips.Cost{Requests: 10, Depth: 4, Connections: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			test.scene.Keys, test.scene.Delay, test.scene.Count = keys, delay, true
			s, err := scene.Open(test.scene)
			require.NoError(t, err)
			defer s.Close() //nolint:errcheck // the scene ends with this process
			fingerprint, err := s.Push("alice", test.pushed)
			require.NoError(t, err)
			_, err = s.Cost() // forgets the requests that Push sent
			require.NoError(t, err)

			command := scene.Eic(test.user, fingerprint)
			var stderr bytes.Buffer
			cmd := s.Command(host.ServiceUser, command[0], command[1:]...)
			cmd.Stderr = &stderr
			require.NoError(t, cmd.Run(), stderr.String())

			cost, err := s.Cost()
			require.NoError(t, err)
			t.Logf("%+v", cost)
			require.LessOrEqual(t, cost.Connections, test.want.Connections)
			cost.Connections = test.want.Connections
			require.Equal(t, test.want, cost)
		})
	}
}
