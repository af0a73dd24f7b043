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

// delay of each answer. It has to be longer than a busy machine keeps a program from
// sending a request that waits for nothing.
const delay = 300 * time.Millisecond

// What a run that gets as far as asking for keys, or for all there is to ask for,
// costs. While the staples are asked for, the other answers may still be coming, on
// connections of their own; so the number of those is the greatest there can be.
var (
	nothing    = trips.Cost{}
	keysOnly   = trips.Cost{Requests: 2, Depth: 2, Connections: 1}
	everything = trips.Cost{Requests: 9, Depth: 4, Connections: 7}
)

func TestOnTheWire(t *testing.T) {
	needs.Root(t)
	keys := new(ca.Keys)
	for name, test := range map[string]struct {
		scene  scene.Options
		user   string
		pushed int // keys for alice
		want   trips.Cost
	}{
		"a miss":                        {user: "bob", pushed: 1, want: keysOnly},
		"a hit":                         {user: "alice", pushed: 1, want: everything},
		"a hit with many keys":          {user: "alice", pushed: 50, want: everything},
		"a forged key":                  {user: "alice", pushed: 1, scene: scene.Options{Fault: scene.Forged}, want: everything},
		"a key for another instance":    {user: "alice", pushed: 1, scene: scene.Options{Fault: "keys=other-instance"}, want: keysOnly},
		"a key that has expired":        {user: "alice", pushed: 1, scene: scene.Options{Fault: "keys=expired"}, want: keysOnly},
		"a user that can have no key":   {user: "alice/../bob", pushed: 1, want: nothing},
		"a machine that is no instance": {user: "alice", pushed: 1, scene: scene.Options{Platform: host.NotEC2}, want: nothing},
		// Where no firmware tells the instance id, it has to be asked for.
		"a hit on Xen": {user: "alice", pushed: 1, scene: scene.Options{Platform: host.Xen},
			want: trips.Cost{Requests: 10, Depth: 4, Connections: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			test.scene.Keys, test.scene.Delay, test.scene.Count = keys, delay, true
			s, err := scene.Open(test.scene)
			require.NoError(t, err)
			defer s.Close() //nolint:errcheck // it ends with this process
			fingerprint, err := s.Push("alice", test.pushed)
			require.NoError(t, err)
			_, err = s.Cost() // of looking at what was pushed
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
