package sshd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd/sshdtest"
)

const includeFirst = "Include /etc/ssh/sshd_config.d/*.conf\n"

// command returns lines of sshd_config that set AuthorizedKeysCommand to /usr/bin/NAME.
func command(name string) string {
	return "AuthorizedKeysCommand /usr/bin/" + name + " %u\nAuthorizedKeysCommandUser root\n"
}

// Read must find the same AuthorizedKeysCommand as sshd -T. place is the line that sets it.
func TestReadAgreesWithSSHD(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		links map[string]string
		place string
	}{
		"no AuthorizedKeysCommand":    {map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n"}, nil, ""},
		"first of two values applies": {map[string]string{"etc/ssh/sshd_config": command("a") + command("b")}, nil, "/etc/ssh/sshd_config:1"},
		"Include reads drop-ins in byte order before later lines": {map[string]string{
			"etc/ssh/sshd_config": includeFirst + command("main"), "etc/ssh/sshd_config.d/20.conf": command("late"), "etc/ssh/sshd_config.d/10.conf": command("early"),
		}, nil, "/etc/ssh/sshd_config.d/10.conf:1"},
		"10.conf sorts before 9.conf": {map[string]string{
			"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/9.conf": command("nine"), "etc/ssh/sshd_config.d/10.conf": command("ten"),
		}, nil, "/etc/ssh/sshd_config.d/10.conf:1"},
		"Z.conf sorts before a.conf": {map[string]string{
			"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/a.conf": command("lower"), "etc/ssh/sshd_config.d/Z.conf": command("upper"),
		}, nil, "/etc/ssh/sshd_config.d/Z.conf:1"},
		"Include sorts whole paths, not each directory": {map[string]string{
			"etc/ssh/sshd_config": "Include /etc/ssh/*/*.conf\n", "etc/ssh/a/z.conf": command("az"), "etc/ssh/a-b/a.conf": command("ab"),
		}, nil, "/etc/ssh/a-b/a.conf:1"},
		"Include with a wildcard skips hidden files": {map[string]string{
			"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/.old.conf": command("hidden"), "etc/ssh/sshd_config.d/x.conf": command("x"),
		}, nil, "/etc/ssh/sshd_config.d/x.conf:1"},
		"Include skips names that its pattern does not match": {map[string]string{
			"etc/ssh/sshd_config": includeFirst + command("main"), "etc/ssh/sshd_config.d/a.conf.bak": command("backup"), "etc/ssh/sshd_config.d/b": command("b"),
		}, nil, "/etc/ssh/sshd_config:2"},
		"brackets and question marks are wildcards in Include": {map[string]string{
			"etc/ssh/sshd_config": "Include /etc/ssh/[!a]?.conf\n", "etc/ssh/a1.conf": command("a"), "etc/ssh/b1.conf": command("b"), "etc/ssh/b12.conf": command("b12"),
		}, nil, "/etc/ssh/b1.conf:1"},
		"unclosed bracket in Include is an ordinary character": {map[string]string{
			"etc/ssh/sshd_config": "Include /etc/ssh/[a.conf\n", "etc/ssh/[a.conf": command("bracket"),
		}, nil, "/etc/ssh/[a.conf:1"},
		"Include with several patterns reads them in order": {map[string]string{
			"etc/ssh/sshd_config": "Include \"/etc/ssh/second file\" first # /etc/ssh/third\n",
			"etc/ssh/second file": command("second"), "etc/ssh/first": command("first"), "etc/ssh/third": command("third"),
		}, nil, "/etc/ssh/second file:1"},
		"relative Include is below /etc/ssh": {map[string]string{
			"etc/ssh/sshd_config": "Include sshd_config.d/deep\n", "etc/ssh/sshd_config.d/deep": "include more", "etc/ssh/more": "\n\n" + command("more"),
		}, nil, "/etc/ssh/more:3"},
		"Include without matches is ignored": {map[string]string{"etc/ssh/sshd_config": "Include /nowhere/*.conf /no/file\n" + command("main")}, nil, "/etc/ssh/sshd_config:2"},
		"Include skips directories": {map[string]string{
			"etc/ssh/sshd_config": "Include /etc/ssh/*.d\n", "etc/ssh/x.d/a": command("a"),
		}, nil, ""},
		"command between two Includes applies before the second": {map[string]string{
			"etc/ssh/sshd_config": "Include a\n" + command("main") + "Include b\n", "etc/ssh/a": "UsePAM yes\n", "etc/ssh/b": command("b"),
		}, nil, "/etc/ssh/sshd_config:2"},
		"Match block ends with its included file": {map[string]string{
			"etc/ssh/sshd_config": "Include a\n" + command("main"), "etc/ssh/a": "Match User git\n" + command("a"),
		}, nil, "/etc/ssh/sshd_config:2"},
		"Include inside a Match block is part of the block": {map[string]string{
			"etc/ssh/sshd_config": "Match User git\nInclude a\nMatch Address 10.0.0.0/8\n" + command("net"), "etc/ssh/a": command("a"),
		}, nil, ""},
		"Match all in a file included inside a Match block stays conditional": {map[string]string{
			"etc/ssh/sshd_config": "Match User git\nInclude a\n", "etc/ssh/a": "Match all\n" + command("a"),
		}, nil, ""},
		"Match all ends a Match block": {map[string]string{
			"etc/ssh/sshd_config": "Match User git\nX11Forwarding no\nMatch ALL # back\n" + command("all"),
		}, nil, "/etc/ssh/sshd_config:4"},
		"Match all in a file included under Match all is global": {map[string]string{
			"etc/ssh/sshd_config": "Match all\nInclude a\n", "etc/ssh/a": "Match User git\n" + command("git") + "Match all\n" + command("all"),
		}, nil, "/etc/ssh/a:5"},
		"drop-in that is a symbolic link": {map[string]string{
			"etc/ssh/sshd_config": includeFirst, "opt/site/ssh": command("site"),
		}, map[string]string{"etc/ssh/sshd_config.d/20.conf": "/opt/site/ssh"}, "/etc/ssh/sshd_config.d/20.conf:1"},
		"drop-in directory that is a symbolic link": {map[string]string{
			"etc/ssh/sshd_config": includeFirst, "opt/site/a.conf": command("site"),
		}, map[string]string{"etc/ssh/sshd_config.d": "../../opt/site"}, "/etc/ssh/sshd_config.d/a.conf:1"},
		"blanks and quotes in the value are kept": {map[string]string{
			"etc/ssh/sshd_config": "\t AuthorizedKeysCommand  =  /usr/bin/x \"a  b\" %u \t\f\r\nAuthorizedKeysCommandUser root\r\n",
		}, nil, "/etc/ssh/sshd_config:1"},
		"number sign after the command is no comment": {map[string]string{
			"etc/ssh/sshd_config": " # AuthorizedKeysCommand /usr/bin/no\nAuthorizedKeysCommand /usr/bin/x # all of it\nAuthorizedKeysCommandUser root\n",
		}, nil, "/etc/ssh/sshd_config:2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := Host{Root: sshdtest.NewRoot(t, test.files)}
			for link, target := range test.links {
				where := filepath.Join(h.Root, link)
				require.NoError(t, os.MkdirAll(filepath.Dir(where), 0o755))
				require.NoError(t, os.Symlink(target, where))
			}
			config, err := h.Read()
			require.NoError(t, err)
			set, found := config.Global(KeysCommand)
			if !found {
				set.Value = "none"
			}
			answer, whole, err := h.AskGlobal(t.Context())
			require.NoError(t, err)
			require.True(t, whole)
			require.True(t, SameValue(answer.Values[KeysCommand], set.Value), "sshd reports %q, Read found %q", answer.Values[KeysCommand], set.Value)

			got := ""
			if found {
				got = Place(set.File, set.Line)
			}
			require.Equal(t, test.place, got)
		})
	}
}

func TestReadRefusesInvalidIncludes(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		says  string
	}{
		"file that includes itself":      {map[string]string{"etc/ssh/sshd_config": "Include sshd_config\n"}, "more than 16 deep"},
		"Include with an unclosed quote": {map[string]string{"etc/ssh/sshd_config": "UsePAM yes\nInclude \"a b\n"}, "/etc/ssh/sshd_config:2: splitting"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Host{Root: sshdtest.NewTree(t, test.files)}.Read()
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestReadFollowsSymbolicLinksOnlyInsideRoot(t *testing.T) {
	root := sshdtest.NewTree(t, map[string]string{"etc/ssh/real": command("inside"), "usr/etc/ssh/sshd_config": command("vendor")})
	require.NoError(t, os.Symlink("../../../../../../etc/ssh/real", filepath.Join(root, "etc/ssh/sshd_config")))
	config, err := Host{Root: root}.Read()
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/inside %u", config[0].Value)

	require.NoError(t, os.Remove(filepath.Join(root, "etc/ssh/sshd_config")))
	require.NoError(t, os.Symlink("/etc/ssh/sshd_config", filepath.Join(root, "etc/ssh/sshd_config")))
	_, err = Host{Root: root}.Read()
	require.Error(t, err, "sshd_config is a link to itself")
}

// Effective names the line that sets the command of a login, and says whether "eic enable"
// wrote that line.
func TestEffectiveFindsTheLineThatSetsTheCommand(t *testing.T) {
	h := Host{Root: sshdtest.NewRoot(t, map[string]string{
		"etc/ssh/sshd_config":             includeFirst + "Match User git\n" + command("git") + "Match Address 10.0.0.0/8\n" + command("net"),
		"etc/ssh/sshd_config.d/50-x.conf": "UsePAM no\n",
	})}
	sshdtest.PutFiles(t, h.Root, map[string]string{DropIn[1:]: string(Entry{}.Text())})

	tests := map[string]struct {
		connection Connection
		place      string
		managed    bool
	}{
		"user without a Match block gets eic":                {Connection{User: "ubuntu"}, DropIn + ":3", true},
		"user with a Match block gets its command":           {Connection{User: "git"}, "/etc/ssh/sshd_config:3", false},
		"client address with a Match block gets its command": {Connection{User: "ubuntu", Addr: "10.1.2.3"}, "/etc/ssh/sshd_config:6", false},
		"first of two Match blocks applies":                  {Connection{User: "git", Addr: "10.1.2.3", Host: "a.example"}, "/etc/ssh/sshd_config:3", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := h.Effective(t.Context(), test.connection)
			require.NoError(t, err)
			require.Equal(t, test.place, Place(e.Source.File, e.Source.Line))
			require.Equal(t, test.managed, e.Managed)
			require.Equal(t, e.Source.Value, e.Command)
			require.Equal(t, "yes", e.Values["pubkeyauthentication"])
		})
	}

	t.Run("unit option overrides eic except in Match blocks", func(t *testing.T) {
		sshdtest.PutFiles(t, h.Root, map[string]string{
			"usr/lib/systemd/system/ssh.service": "[Service]\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommand=/x -oAuthorizedKeysCommandUser=root\n",
		})
		e, err := h.Effective(t.Context(), Connection{User: "ubuntu"})
		require.NoError(t, err)
		require.Equal(t, []string{"/x", "root", "/usr/lib/systemd/system/ssh.service"}, []string{e.Command, e.User, e.Source.File})
		require.False(t, e.Managed)
		e, err = h.Effective(t.Context(), Connection{User: "git"})
		require.NoError(t, err)
		require.Equal(t, "/usr/bin/git %u", e.Command)
	})

	t.Run("user name that sshd -C would misread is refused", func(t *testing.T) {
		for _, user := range []string{"", "a,addr=10.1.2.3", "a\nb"} {
			_, err := h.Effective(t.Context(), Connection{User: user})
			require.ErrorContains(t, err, "describing a connection")
		}
	})
}

func FuzzParseLine(f *testing.F) {
	for _, seed := range []string{
		"AuthorizedKeysCommand /usr/bin/x %u", `"Include" a "b c"`, "a=b", "a = b", `a"b`, "= x", "# c", "\t\f", `Match User "a b" # c`, "a\x00b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		keyword, value := ParseLine(line)
		require.False(t, strings.HasPrefix(keyword, "#"))
		require.Equal(t, strings.ToLower(keyword), keyword)
		if keyword == "" || strings.ContainsAny(keyword, blanks+"\"=") || strings.HasPrefix(value, "=") {
			return
		}
		again, rest := ParseLine(" \t" + strings.ToUpper(keyword) + " = " + value + " \f")
		if strings.ToLower(strings.ToUpper(keyword)) == keyword {
			require.Equal(t, keyword, again)
		}
		require.Equal(t, value, rest)
	})
}
