package host

import (
	"fmt"
	"os"
	"path/filepath"
)

// ServiceUser is the system user as whom sshd runs eic.
const ServiceUser = "_eic"

const (
	// serviceUserID is less than UID_MIN of login.defs(5).
	serviceUserID = 999
	// firstUser is the user id of the first user that is added.
	firstUser = 2000
)

// writeAccounts creates the users that every system has, and those of the options.
func (h *Host) writeAccounts() error {
	if h.options.Root == "/" {
		files := map[string]string{
			"/etc/passwd": "root:x:0:0:root:" + Home("root") + ":/bin/sh\n" +
				"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
				"sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
			"/etc/shadow": "root:*:::::::\nnobody:*:::::::\nsshd:*:::::::\n",
			"/etc/group":  "root:x:0:\nnogroup:x:65534:\n",
		}
		for name, text := range files {
			if err := h.WriteFile(name, []byte(text)); err != nil {
				return err
			}
		}
		if err := os.Mkdir(h.Path(Home("root")), 0o700); err != nil {
			return err
		}
	}
	for _, name := range h.options.Users {
		if err := h.AddUser(name); err != nil {
			return err
		}
	}
	return nil
}

// AddUser adds a user without a password, who can log in with a key, and an empty home directory,
// Home.
func (h *Host) AddUser(name string) error {
	id := h.users
	if err := h.addAccount(name, id, Home(name), "/bin/sh"); err != nil {
		return err
	}
	h.users++
	home := h.Path(Home(name))
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	return os.Chown(home, id, id)
}

// Home returns a user's home directory as the host sees it.
func Home(user string) string { return filepath.Join("/run/home", user) }

// addAccount adds a line to passwd(5), shadow(5) and group(5). The password is "*": no password
// has this hash, and unlike "!" it does not lock the account.
func (h *Host) addAccount(name string, id int, home, shell string) error {
	for _, add := range []struct{ file, line string }{
		{"/etc/passwd", fmt.Sprintf("%s:x:%d:%d::%s:%s\n", name, id, id, home, shell)},
		{"/etc/shadow", fmt.Sprintf("%s:*:::::::\n", name)},
		{"/etc/group", fmt.Sprintf("%s:x:%d:\n", name, id)},
	} {
		if err := appendTo(h.Path(add.file), add.line); err != nil {
			return fmt.Errorf("adding user %q: %w", name, err)
		}
	}
	return nil
}

func appendTo(file, line string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line); err != nil {
		_ = f.Close() // the error of the write is returned
		return err
	}
	return f.Close()
}
