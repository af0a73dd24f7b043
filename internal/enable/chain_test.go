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

// serverTokens are the tokens that sshd expands, with values that are hard to quote.
var serverTokens = map[byte]string{
	'u': `a "b' %f \`, 'f': "SHA256:x", 't': "ssh-ed25519", 'k': "AAAA+/=", 'U': "1000", 'h': "/home/a b", 'D': "", 'C': "1 2 3 4",
}

// argumentsFromSSHD returns the arguments that sshd passes for an AuthorizedKeysCommand.
func argumentsFromSSHD(t require.TestingT, command string) []string {
	args, err := argv.Split(command)
	require.NoError(t, err)
	if len(args) == 1 {
		args = append(args, "%u")
	}
	expanded, err := argv.Expand(args, serverTokens)
	require.NoError(t, err)
	return expanded
}

// argumentsFromEic returns the arguments that eic passes to the command of --chain. args
// are eic's own arguments.
func argumentsFromEic(t require.TestingT, args []string) []string {
	require.Equal(t, []string{sshd.Program, "authorized-keys", "--chain"}, args[:3])
	require.Equal(t, []string{serverTokens['u'], serverTokens['f']}, args[4:])
	command, err := argv.Split(args[3])
	require.NoError(t, err)
	expanded, err := argv.Expand(command, map[byte]string{'u': args[4], 'f': args[5]})
	require.NoError(t, err)
	return expanded
}

func TestChainedCommandGetsTheArgumentsThatSSHDWouldGive(t *testing.T) {
	tests := map[string]struct{ command, chain string }{
		"user name with a blank stays one argument":   {"/usr/bin/sss_ssh_authorizedkeys %u", "/usr/bin/sss_ssh_authorizedkeys %%u"},
		"command without arguments receives the user": {"/usr/bin/other", "/usr/bin/other %%u"},
		"fingerprint token is kept":                   {"/x %f %u", "/x %%f %%u"},
		"key tokens are left to sshd":                 {"/x %t %k %U", "/x %t %k %U"},
		"literal percent sign stays literal":          {"/x 100%% %%u", "/x 100%%%% %%%%u"},
		"quotes are kept":                             {`/x "a b" 'c d' ""`, `/x "a b" "c d" ""`},
		"blanks around the command are dropped":       {"  /x\t%u ", "/x %%u"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			flags, err := chainArguments(test.command)
			require.NoError(t, err)
			require.Equal(t, []string{"--chain", test.chain}, flags)
			e := sshd.Entry{Args: flags}
			require.NoError(t, e.Check())
			require.Equal(t, argumentsFromSSHD(t, test.command), argumentsFromEic(t, argumentsFromSSHD(t, e.Command())))
		})
	}
}

func TestCommandThatCannotBeChainedIsRefused(t *testing.T) {
	tests := map[string]struct{ command, says string }{
		"home directory token is refused":                                             {"/x %u %h", `got "%h"`},
		"connection token is refused":                                                 {"/x %C", `got "%C"`},
		"routing domain token is refused":                                             {"/x %D", `got "%D"`},
		"percent sign at the end is refused":                                          {"/x 5%", `got "%"`},
		"number sign is refused, because sshd before 8.7 starts a comment there":      {"/x %u # note", "expected no #"},
		"unclosed quote is refused":                                                   {`/x "a`, "no closing"},
		"quote inside an argument is refused, because sshd before 8.7 keeps it":       {`/x --a="b c"`, "read differently"},
		"text after a closing quote is refused, because sshd before 8.7 splits there": {`/x "a"b`, "read differently"},
		"backslash is refused":                                                        {`/x a\ b`, "read differently"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := chainArguments(test.command)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestEnableChainsTheCurrentCommand(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		user  string
		where string
		want  string
	}{
		"command in an earlier drop-in is chained": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-site.conf": otherCommand},
			"root", sshd.MainConfig, `/usr/bin/eic authorized-keys --budget 5s --run-as _eic --chain "/usr/bin/other %%u" %u %f`,
		},
		"command after the Include is chained": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + otherCommand},
			"root", sshd.DropIn, `/usr/bin/eic authorized-keys --budget 5s --run-as _eic --chain "/usr/bin/other %%u" %u %f`,
		},
		"command in sshd_config without Include is chained": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n" + otherCommand},
			"root", sshd.MainConfig, `/usr/bin/eic authorized-keys --budget 5s --run-as _eic --chain "/usr/bin/other %%u" %u %f`,
		},
		"chained command keeps its AuthorizedKeysCommandUser": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + strings.Replace(otherCommand, "root", "sssd", 1)},
			"sssd", sshd.DropIn, `/usr/bin/eic authorized-keys --budget 5s --chain "/usr/bin/other %%u" %u %f`,
		},
		"eic is enabled if there is no command to chain": {
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

func TestEnableAgainKeepsTheChainedCommand(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
	result, err := Add(t.Context(), h, Options{Chain: true})
	require.NoError(t, err)
	require.Contains(t, strings.Join(result.Notes, "\n"), "found no other AuthorizedKeysCommand to chain")

	_, err = Add(t.Context(), h, Options{Flags: []string{"--chain=/usr/bin/other %u"}})
	require.NoError(t, err)
	result, err = Add(t.Context(), h, Options{Chain: true, Flags: []string{"--deny-user=root"}})
	require.NoError(t, err)
	require.Empty(t, result.Notes)
	e, err := h.Effective(t.Context(), sshd.Connection{User: "ubuntu"})
	require.NoError(t, err)
	require.Equal(t, `/usr/bin/eic authorized-keys --deny-user=root --chain "/usr/bin/other %%u" %u %f`, e.Command)
}

func TestEnableRefusesToChain(t *testing.T) {
	tests := map[string]struct {
		config string
		flags  []string
		says   string
	}{
		"AuthorizedKeysCommand none":         {includeFirst + "AuthorizedKeysCommand none\n", nil, "turns AuthorizedKeysCommand off"},
		"AuthorizedKeysCommand in Match all": {includeFirst + "Match all\n" + otherCommand, nil, "move the line out of the block"},
		"command of AWS's package": {
			"AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser _eic\n", nil, "--replace-ec2-instance-connect",
		},
		"eic written by hand":               {"AuthorizedKeysCommand /usr/bin/eic authorized-keys %u\nAuthorizedKeysCommandUser _eic\n", nil, "already runs eic and works"},
		"second command to chain":           {otherCommand, []string{"--chain=/usr/bin/third"}, "--chain already gives another command"},
		"command with an unsupported token": {"AuthorizedKeysCommand /x %h\nAuthorizedKeysCommandUser root\n", nil, "/etc/ssh/sshd_config:1: AuthorizedKeysCommand cannot be chained as written"},
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

func FuzzChainArguments(f *testing.F) {
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
		require.Equal(t, argumentsFromSSHD(t, command), argumentsFromEic(t, argumentsFromSSHD(t, e.Command())))
		keyword, value := sshd.ParseLine("AuthorizedKeysCommand " + e.Command())
		require.Equal(t, sshd.KeysCommand, keyword)
		require.Equal(t, e.Command(), value)
	})
}
