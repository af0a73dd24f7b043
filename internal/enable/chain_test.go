package enable

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/argv"
	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// serverTokens are what sshd replaces, with values that nobody should have.
var serverTokens = map[byte]string{
	'u': `a "b' %f \`, 'f': "SHA256:x", 't': "ssh-ed25519", 'k': "AAAA+/=", 'U': "1000", 'h': "/home/a b", 'D': "", 'C': "1 2 3 4",
}

// runByServer is what sshd makes of an AuthorizedKeysCommand line.
func runByServer(t require.TestingT, command string) []string {
	args, err := argv.Split(command)
	require.NoError(t, err)
	if len(args) == 1 {
		args = append(args, "%u")
	}
	expanded, err := argv.Expand(args, serverTokens)
	require.NoError(t, err)
	return expanded
}

// runByUs is what our command makes of its --chain flag.
func runByUs(t require.TestingT, ours []string) []string {
	require.Equal(t, []string{sshd.Program, "authorized-keys", "--chain"}, ours[:3])
	require.Equal(t, []string{serverTokens['u'], serverTokens['f']}, ours[4:])
	args, err := argv.Split(ours[3])
	require.NoError(t, err)
	expanded, err := argv.Expand(args, map[byte]string{'u': ours[4], 'f': ours[5]})
	require.NoError(t, err)
	return expanded
}

func TestTakeOver(t *testing.T) {
	tests := map[string]struct{ command, chain string }{
		"a user name with a blank becomes two arguments": {"/usr/bin/sss_ssh_authorizedkeys %u", "/usr/bin/sss_ssh_authorizedkeys %%u"},
		"a command without arguments loses the user":     {"/usr/bin/other", "/usr/bin/other %%u"},
		"a fingerprint is lost":                          {"/x %f %u", "/x %%f %%u"},
		"a key is expanded too late":                     {"/x %t %k %U", "/x %t %k %U"},
		"a percent sign becomes a token":                 {"/x 100%% %%u", "/x 100%%%% %%%%u"},
		"quotes are lost":                                {`/x "a b" 'c d' ""`, `/x "a b" "c d" ""`},
		"blanks at the ends are arguments":               {"  /x\t%u ", "/x %%u"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			flags, err := chainArguments(test.command)
			require.NoError(t, err)
			require.Equal(t, []string{"--chain", test.chain}, flags)
			e := sshd.Entry{Args: flags}
			require.NoError(t, e.Check())
			require.Equal(t, runByServer(t, test.command), runByUs(t, runByServer(t, e.Command())))
		})
	}
}

func TestTakeOverRefuses(t *testing.T) {
	tests := map[string]struct{ command, says string }{
		"a home directory with blanks splits":          {"/x %u %h", `got "%h"`},
		"a connection splits":                          {"/x %C", `got "%C"`},
		"a routing domain is empty":                    {"/x %D", `got "%D"`},
		"a percent sign at the end":                    {"/x 5%", `got "%"`},
		"a comment that old sshd cut off":              {"/x %u # note", "expected no #"},
		"an open quote":                                {`/x "a`, "no closing"},
		"a quote in the middle that old sshd kept":     {`/x --a="b c"`, "read differently"},
		"an argument that old sshd ended at its quote": {`/x "a"b`, "read differently"},
		"a backslash":                                  {`/x a\ b`, "read differently"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := chainArguments(test.command)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestEnableChains(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		user  string
		where string
		want  string
	}{
		"a command set before our file is not shadowed": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-site.conf": otherCommand},
			"root", sshd.MainConfig, `/usr/bin/eic authorized-keys --budget 5s --run-as _eic --chain "/usr/bin/other %%u" %u %f`,
		},
		"a command set after our file is chained twice": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + otherCommand},
			"root", sshd.DropIn, `/usr/bin/eic authorized-keys --budget 5s --run-as _eic --chain "/usr/bin/other %%u" %u %f`,
		},
		"a command without an include cannot be chained": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n" + otherCommand},
			"root", sshd.MainConfig, `/usr/bin/eic authorized-keys --budget 5s --run-as _eic --chain "/usr/bin/other %%u" %u %f`,
		},
		"a command of its own user's runs as another": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + strings.Replace(otherCommand, "root", "sssd", 1)},
			"sssd", sshd.DropIn, `/usr/bin/eic authorized-keys --budget 5s --chain "/usr/bin/other %%u" %u %f`,
		},
		"nothing to chain is an error": {
			map[string]string{"etc/ssh/sshd_config": includeFirst}, "", sshd.DropIn, "/usr/bin/eic authorized-keys --budget 5s %u %f",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := sshd.Host{Root: sshdtest.NewRoot(t, test.files)}
			before := sshdtest.Snapshot(t, h.Root)
			options := Options{Flags: []string{"--budget", "5s"}, Chain: true}
			result, err := Add(t.Context(), h, options)
			require.NoError(t, err)
			user := sshd.CommandUser
			if strings.Contains(test.want, "chain") {
				user = test.user
				require.Contains(t, strings.Join(result.Notes, "\n"), "still runs as "+strconv.Quote(user))
			}
			e, err := h.Effective(t.Context(), sshd.Connection{User: "ubuntu"})
			require.NoError(t, err)
			require.Equal(t, []string{test.want, user, test.where}, []string{e.Command, e.User, e.Source.File})

			again, err := Add(t.Context(), h, options)
			require.NoError(t, err)
			require.False(t, again.Changed)
			_, err = Remove(t.Context(), h, false)
			require.NoError(t, err)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
		})
	}
}

func TestWhatIsChainedStaysChained(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
	result, err := Add(t.Context(), h, Options{Chain: true})
	require.NoError(t, err)
	require.Contains(t, strings.Join(result.Notes, "\n"), "there is none to chain")

	_, err = Add(t.Context(), h, Options{Flags: []string{"--chain=/usr/bin/other %u"}})
	require.NoError(t, err)
	result, err = Add(t.Context(), h, Options{Chain: true, Flags: []string{"--deny-user=root"}})
	require.NoError(t, err)
	require.Empty(t, result.Notes)
	e, err := h.Effective(t.Context(), sshd.Connection{User: "ubuntu"})
	require.NoError(t, err)
	require.Equal(t, `/usr/bin/eic authorized-keys --deny-user=root --chain "/usr/bin/other %%u" %u %f`, e.Command)
}

func TestEnableDoesNotChain(t *testing.T) {
	tests := map[string]struct {
		config string
		flags  []string
		says   string
	}{
		"somebody's decision for no command": {includeFirst + "AuthorizedKeysCommand none\n", nil, "somebody has switched this command off"},
		"a Match block for all":              {includeFirst + "Match all\n" + otherCommand, nil, "move the line out of the block"},
		"the command of AWS's package, or our link under its name": {
			"AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser _eic\n", nil, "--replace-ec2-instance-connect",
		},
		"this program itself, without end":      {"AuthorizedKeysCommand /usr/bin/eic authorized-keys %u\nAuthorizedKeysCommandUser _eic\n", nil, "works as it is"},
		"two commands":                          {otherCommand, []string{"--chain=/usr/bin/third"}, "another one to chain is given already"},
		"a command with tokens eic cannot give": {"AuthorizedKeysCommand /x %h\nAuthorizedKeysCommandUser root\n", nil, "/etc/ssh/sshd_config:1: AuthorizedKeysCommand cannot be chained as it is"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": test.config})}
			before := sshdtest.Snapshot(t, h.Root)
			_, err := Add(t.Context(), h, Options{Chain: true, Flags: test.flags})
			require.ErrorContains(t, err, test.says)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
			require.NoFileExists(t, filepath.Join(h.Root, sshd.DropIn))
		})
	}
}

func FuzzTakeOver(f *testing.F) {
	for _, seed := range []string{"/x %u", `/x "a b" %f %%`, "/x", `/x '%u' "%k"`, "/x %", `/x "a"b`, "/x \"#\" ä"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, command string) {
		flags, err := chainArguments(command)
		if err != nil {
			return
		}
		e := sshd.Entry{Args: flags}
		if e.Check() != nil {
			return
		}
		require.Equal(t, runByServer(t, command), runByUs(t, runByServer(t, e.Command())))
		keyword, value := sshd.ParseLine("AuthorizedKeysCommand " + e.Command())
		require.Equal(t, sshd.KeysCommand, keyword)
		require.Equal(t, e.Command(), value)
	})
}
