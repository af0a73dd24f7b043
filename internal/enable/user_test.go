package enable

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// hostWithAccounts returns a host with these accounts besides root and sshd. Its useradd
// adds a system user.
func hostWithAccounts(t *testing.T, passwd string) sshd.Host {
	t.Helper()
	root := sshdtest.NewRoot(t, map[string]string{
		"etc/ssh/sshd_config": includeFirst,
		"etc/passwd":          "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\n" + passwd,
		"usr/sbin/useradd":    "", "usr/sbin/nologin": "",
	})
	run := func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
		if name != "/usr/sbin/useradd" {
			return sshd.Exec(root)(ctx, name, args...)
		}
		f, err := os.OpenFile(filepath.Join(root, "etc/passwd"), os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		defer f.Close() //nolint:errcheck // the write is what counts
		_, err = f.WriteString(args[len(args)-1] + ":!:990:990::/nonexistent:/usr/sbin/nologin\n")
		return nil, nil, err
	}
	return sshd.Host{Root: root, Run: run}
}

func TestEnableCreatesAMissingSystemUser(t *testing.T) {
	h := hostWithAccounts(t, "")
	before := sshdtest.Snapshot(t, h.Root)
	result, err := Add(t.Context(), h, Options{DryRun: true})
	require.NoError(t, err)
	require.Contains(t, result.Notes, "the system user _eic would be created")
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))

	result, err = Add(t.Context(), h, Options{})
	require.NoError(t, err)
	require.Contains(t, result.Notes, "the system user _eic was created")
	require.Contains(t, sshdtest.ReadFile(t, h.Root, "etc/passwd"), "\n_eic:")
	again, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	require.Equal(t, Result{}, again)
}

func TestEnableRefusesAPersonsAccountAsSystemUser(t *testing.T) {
	h := hostWithAccounts(t, "_eic:x:1000:1000:Eva:/home/eva:/bin/bash\n")
	before := sshdtest.Snapshot(t, h.Root)
	var conflict *ConflictError
	_, err := Add(t.Context(), h, Options{Keep: true, ReplaceInstanceConnect: true})
	require.ErrorAs(t, err, &conflict)
	require.EqualError(t, err, `the account "_eic" is not a system user reserved for eic: its uid 1000 is in the range for people (UID_MIN is 1000); `+
		"give that account another name; run: usermod --login former_eic _eic && eic enable --keep --replace-ec2-instance-connect")
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
}

// earlierBlock is a block of version 0.1.0, whose user was called eic.
const earlierBlock = `# BEGIN eic: written by "eic enable", removed by "eic disable"; neither touches it once it is edited
# checksum 9307bffcae243e6c
AuthorizedKeysCommand /usr/bin/eic authorized-keys --deny-user=root %u %f
AuthorizedKeysCommandUser eic
# END eic
`

func TestUpgradeReplacesTheUserOfVersion010(t *testing.T) {
	h := hostWithAccounts(t, "eic:!:991:991:EC2 Instance Connect:/:/usr/sbin/nologin\n")
	sshdtest.PutFiles(t, h.Root, map[string]string{sshd.DropIn[1:]: earlierBlock})
	result, err := Add(t.Context(), h, Options{Upgrade: true})
	require.NoError(t, err)
	require.True(t, result.Changed)
	block := sshdtest.ReadFile(t, h.Root, sshd.DropIn)
	require.Contains(t, block, "authorized-keys --deny-user=root %u %f\nAuthorizedKeysCommandUser _eic\n")
}

func TestUpgradeDoesNotEnableEic(t *testing.T) {
	h := hostWithAccounts(t, "")
	before := sshdtest.Snapshot(t, h.Root)
	result, err := Add(t.Context(), h, Options{Upgrade: true})
	require.NoError(t, err)
	require.False(t, result.Changed)
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
}

// eic does not rewrite an edited block, so the block keeps the old user.
func TestUpgradeKeepsAnEditedBlock(t *testing.T) {
	h := hostWithAccounts(t, "eic:!:991:991:EC2 Instance Connect:/:/usr/sbin/nologin\n")
	sshdtest.PutFiles(t, h.Root, map[string]string{sshd.DropIn[1:]: strings.Replace(earlierBlock, "root", "admin", 1)})
	before := sshdtest.Snapshot(t, h.Root)
	result, err := Add(t.Context(), h, Options{Upgrade: true})
	require.NoError(t, err)
	require.Contains(t, strings.Join(result.Notes, "\n"), "left unchanged: "+sshd.DropIn+":1")
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
}
