package enable

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// If a package removal is aborted, eic is enabled again. Flags that restrict access must not
// be lost.
func TestAddWithSavedEntryRestoresTheFlags(t *testing.T) {
	for name, flags := range map[string][]string{
		"flags":    {"--deny-user", "root", "--require-caller", "arn:aws:iam::1:user/100% a\"b"},
		"no flags": nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
			_, err := Add(t.Context(), h, Options{Flags: flags})
			require.NoError(t, err)
			before := sshdtest.Snapshot(t, h.Root)
			removed, err := Remove(t.Context(), h, false)
			require.NoError(t, err)
			require.NotNil(t, removed.Removed)
			_, err = Add(t.Context(), h, Options{Saved: removed.Removed})
			require.NoError(t, err)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
		})
	}
}
