package account

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestShadowEntryTellsLockedAndExpiredAccounts(t *testing.T) {
	now := time.Unix(20000*24*60*60+3600, 0) // day 20000
	for line, want := range map[string]Shadow{
		"a:*:19000:0:99999:7:::":   {},
		"a::::::::":                {},
		"a:x":                      {},
		"a:!:19000:0:99999:7:::":   {Locked: true},
		"a:!$6$x:19000::::::":      {Locked: true},
		"a:*:19000:0:99999:7::0:":  {Expired: true},
		"a:*:::::1:19999:":         {Expired: true},
		"a:*:::::1:20000:":         {},
		"a:*:::::1:many:":          {},
		"a:*:::::1:-1:":            {},
		"a:*:0:0:99999:7:::":       {PasswordExpired: true},
		"a:*:19900:0:99:7:::":      {PasswordExpired: true},
		"a:*:19900:0:100:7:::":     {},
		"a:*:20001:0:1:7:::":       {},
		"a:*:19900:0:90:7:9::":     {PasswordExpired: true, PasswordDead: true},
		"a:*:19900:0:90:7:10::":    {PasswordExpired: true},
		"a:*:0:0:90:7:10::":        {PasswordExpired: true},
		"a:*:19900:0:-1:7:10:-1:x": {},
	} {
		require.Equal(t, want, parseShadow(line, now), "%s", line)
	}
}

func TestShadowIsLookedUpThroughNSS(t *testing.T) {
	m := newMachine("")
	m.put("etc/shadow", "a:!:::::::\n")
	m.getent["shadow -- b"] = "b:*::::::1:\n"
	for name, want := range map[string]Shadow{"a": {Locked: true}, "b": {Expired: true}, "c": {}} {
		s, err := m.database().Shadow(t.Context(), Account{Name: name}, time.Now())
		require.NoError(t, err)
		require.Equal(t, want, s, name)
	}
	s, err := m.database().Shadow(t.Context(), Account{Name: "c", password: "!"}, time.Now())
	require.NoError(t, err)
	require.True(t, s.Locked, "sshd uses the password in passwd(5) if shadow(5) has none")
}

func TestGroupsIncludeSupplementaryGroups(t *testing.T) {
	m := newMachine("")
	m.put("etc/group", "root:x:0:\nstaff:x:50:bob,eva\nadm:x:4:eva\nown:x:1000:eva\nbad:x:-1:eva\n")
	eva := Account{Name: "eva", GID: 1000}
	groups, err := m.database().Groups(t.Context(), eva)
	require.NoError(t, err)
	require.Equal(t, []Group{{"own", 1000}, {"staff", 50}, {"adm", 4}}, groups)

	m.put("usr/bin/id", "ELF")
	m.getent["group -- 70000"] = "domain users:*:70000:\n"
	d := m.database()
	answer, failure := "1000 50 70000 70001\n", error(nil)
	run := d.Run
	d.Run = func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
		if name == "/usr/bin/id" {
			require.Equal(t, []string{"-G", "--", "eva"}, args)
			return []byte(answer), []byte("no such user\n"), failure
		}
		return run(ctx, name, args...)
	}
	groups, err = d.Groups(t.Context(), eva)
	require.NoError(t, err)
	require.Equal(t, []Group{{"own", 1000}, {"staff", 50}, {"domain users", 70000}, {"", 70001}}, groups)
	answer = "wheel"
	_, err = d.Groups(t.Context(), eva)
	require.ErrorContains(t, err, `expected numbers, got "wheel"`)
	failure = errors.New("exit status 1")
	_, err = d.Groups(t.Context(), eva)
	require.ErrorContains(t, err, `exit status 1: stderr "no such user"`)
}
