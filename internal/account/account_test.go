package account

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const (
	ours    = "_eic:x:990:990:EC2 Instance Connect:/nonexistent:/usr/sbin/nologin\n"
	earlier = "eic:x:991:992:EC2 Instance Connect:/:/usr/sbin/nologin\n"
)

// A machine is a Database whose getent answers from a map, and whose useradd is recorded.
type machine struct {
	files  fstest.MapFS
	getent map[string]string
	ran    []string
	fails  error
}

func newMachine(passwd string) *machine {
	m := &machine{files: fstest.MapFS{}, getent: map[string]string{}}
	m.put("etc/passwd", "root:x:0:0::/root:/bin/bash\n"+passwd)
	m.put("etc/shadow", "root:$6$:::::::\n_eic:!:::::::\n")
	m.put("etc/login.defs", "# UID_MIN 1\nUID_MIN\t\t  1000\n")
	for _, program := range []string{"usr/bin/getent", "usr/sbin/useradd", "usr/sbin/nologin"} {
		m.put(program, "ELF")
	}
	return m
}

func (m *machine) put(name, text string) {
	m.files[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
}

func (m *machine) database() Database {
	return Database{Root: m.files, Run: func(_ context.Context, name string, args ...string) ([]byte, []byte, error) {
		command := strings.Join(append([]string{name}, args...), " ")
		if !strings.HasPrefix(command, "/usr/bin/getent ") {
			m.ran = append(m.ran, command)
			return nil, []byte("no\nroom"), m.fails
		}
		if line, found := m.getent[strings.TrimPrefix(command, "/usr/bin/getent ")]; found {
			return []byte(line), nil, nil
		}
		return nil, nil, exec.Command("/bin/sh", "-c", "exit 2").Run()
	}}
}

func TestAccountThatIsNotAnUnusedSystemUserIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		passwd string
		damage func(m *machine)
		why    string
	}{
		"system user with nologin":             {passwd: ours},
		"system user with /bin/false":          {passwd: "_eic:*:990:990::/:/bin/false\n"},
		"empty password in passwd":             {passwd: "_eic::990:990::/:/bin/false\n", damage: func(m *machine) { m.put("etc/shadow", "") }, why: "it has a password"},
		"empty password in shadow":             {passwd: ours, damage: func(m *machine) { m.put("etc/shadow", "_eic::::::::\n") }, why: "it has a password"},
		"password in shadow":                   {passwd: ours, damage: func(m *machine) { m.put("etc/shadow", "_eic:$y$j9T$x:::::::\n") }, why: "it has a password"},
		"uid 0":                                {passwd: "_eic:x:0:990::/:/usr/sbin/nologin\n", why: "it has the rights of root"},
		"gid 0":                                {passwd: "_eic:x:990:0::/:/usr/sbin/nologin\n", why: "it has the rights of root"},
		"uid of a person":                      {passwd: "_eic:x:1000:1000:Eva:/home/eva:/usr/sbin/nologin\n", why: "its uid 1000 is in the range for people (UID_MIN is 1000)"},
		"uid of a person if UID_MIN is 500":    {passwd: "_eic:x:500:500::/:/usr/sbin/nologin\n", damage: func(m *machine) { m.put("etc/login.defs", "UID_MIN 500\n") }, why: "its uid 500 is in the range for people (UID_MIN is 500)"},
		"uid of a person without login.defs":   {passwd: "_eic:x:1000:1000::/:/usr/sbin/nologin\n", damage: func(m *machine) { delete(m.files, "etc/login.defs") }, why: "its uid 1000 is in the range for people (UID_MIN is 1000)"},
		"login shell":                          {passwd: "_eic:x:990:990::/:/bin/bash\n", why: `it has a login shell, "/bin/bash"`},
		"no shell in passwd":                   {passwd: "_eic:x:990:990::/:\n", why: `it has a login shell, ""`},
		"uid shared with another user":         {passwd: ours + "backup:x:990:34::/:/usr/sbin/nologin\n", why: `the user "backup" has the same uid 990`},
		"uid shared with the earlier user eic": {passwd: ours + "eic:x:990:990::/:/usr/sbin/nologin\n"},
		"home directory in use": {
			passwd: "_eic:x:990:990::/var/lib/eic/:/usr/sbin/nologin\n",
			damage: func(m *machine) { m.files["var/lib/eic/x"] = &fstest.MapFile{} }, why: `its home directory "/var/lib/eic/" is in use`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(test.passwd)
			if test.damage != nil {
				test.damage(m)
			}
			if home := m.files["var/lib/eic/x"]; home != nil {
				m.files["var/lib/eic"] = &fstest.MapFile{Mode: fs.ModeDir | 0o755, Sys: &syscall.Stat_t{Uid: 990}}
			}
			d := m.database()
			a, err := d.Find(t.Context(), Name)
			require.NoError(t, err)
			why, err := d.Unfit(a)
			require.NoError(t, err)
			require.Equal(t, test.why, why)
		})
	}
}

func TestAccountIsLookedUpThroughNSS(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(m *machine)
		uid    uint32
		err    string
	}{
		"line in /etc/passwd":         {func(m *machine) { m.put("etc/passwd", ours) }, 990, ""},
		"answer of getent":            {func(m *machine) { m.getent["passwd -- _eic"] = strings.Replace(ours, "990", "993", 1) }, 993, ""},
		"no such user":                {func(*machine) {}, 0, "no such user"},
		"no such user, and no getent": {func(m *machine) { delete(m.files, "usr/bin/getent") }, 0, "no such user"},
		"malformed answer of getent":  {func(m *machine) { m.getent["passwd -- _eic"] = "nonsense\n" }, 0, `got "nonsense"`},
		"invalid uid":                 {func(m *machine) { m.put("etc/passwd", "_eic:x:-1:990::/:/bin/false\n") }, 0, "expected a line of passwd(5)"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine("")
			test.damage(m)
			a, err := m.database().Find(t.Context(), Name)
			require.Equal(t, test.uid, a.UID)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestSystemUserIsCreated(t *testing.T) {
	const add = "/usr/sbin/useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --comment EC2 Instance Connect "
	for name, test := range map[string]struct {
		damage func(m *machine)
		ran    []string
	}{
		"useradd creates its group":             {func(*machine) {}, []string{add + "--user-group _eic"}},
		"group of that name in /etc/group":      {func(m *machine) { m.put("etc/group", "_eic:x:1000:eva\n") }, []string{add + "--gid 65534 _eic"}},
		"group of that name from getent":        {func(m *machine) { m.getent["group -- _eic"] = "_eic:x:5000:\n" }, []string{add + "--gid 65534 _eic"}},
		"uid of the earlier user eic is reused": {func(m *machine) { m.put("etc/passwd", earlier) }, []string{add + "--non-unique --uid 991 --gid 992 _eic"}},
		"uid of another account named eic is not reused": {
			func(m *machine) { m.put("etc/passwd", strings.Replace(earlier, "EC2", "EDV", 1)) }, []string{add + "--user-group _eic"}},
		"uid of a person named eic is not reused": {
			func(m *machine) { m.put("etc/passwd", strings.Replace(earlier, "991", "1001", 1)) }, []string{add + "--user-group _eic"}},
		"busybox": {
			func(m *machine) { delete(m.files, "usr/sbin/useradd"); m.put("usr/sbin/adduser", "ELF") },
			[]string{"/usr/sbin/addgroup -S _eic", "/usr/sbin/adduser -S -D -H -h /nonexistent -s /usr/sbin/nologin -g EC2 Instance Connect -G _eic _eic"}},
		"busybox, and a group of that name": {
			func(m *machine) {
				delete(m.files, "usr/sbin/useradd")
				m.put("usr/sbin/adduser", "ELF")
				m.put("etc/group", "_eic:x:1000:\n")
			},
			[]string{"/usr/sbin/adduser -S -D -H -h /nonexistent -s /usr/sbin/nologin -g EC2 Instance Connect _eic"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine("")
			test.damage(m)
			require.NoError(t, m.database().Make(t.Context()))
			require.Equal(t, test.ran, m.ran)
		})
	}
}

func TestSystemUserThatCannotBeCreatedIsAnError(t *testing.T) {
	m := newMachine("")
	m.fails = errors.New("exit status 1")
	require.EqualError(t, m.database().Make(t.Context()),
		`creating the system user "_eic" with /usr/sbin/useradd: exit status 1: stderr "no room"`)
	delete(m.files, "usr/sbin/useradd")
	require.ErrorContains(t, m.database().Make(t.Context()), "expected /usr/sbin/useradd or /usr/sbin/adduser on this host")
}
