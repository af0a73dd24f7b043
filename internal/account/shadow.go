package account

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// A Shadow is the entry of an account in shadow(5). The zero Shadow means that there is
// no entry.
type Shadow struct {
	// Locked is set if the password begins with "!". sshd without PAM refuses logins to
	// such an account.
	Locked bool
	// Expired is set if the account has expired.
	Expired bool
	// PasswordExpired is set if the password must be changed at the next login.
	// PasswordDead is set if it is too late to change it.
	PasswordExpired, PasswordDead bool
}

// Shadow looks an account up in /etc/shadow, and then with getent. The caller
// must be root.
func (d Database) Shadow(ctx context.Context, a Account, now time.Time) (Shadow, error) {
	line, err := d.line(ctx, "shadow", a.Name)
	if errors.Is(err, ErrUnknown) {
		return Shadow{Locked: strings.HasPrefix(a.password, "!")}, nil
	}
	if err != nil {
		return Shadow{}, err
	}
	return parseShadow(line, now), nil
}

// parseShadow parses a line by the rules of pam_unix(8) and of sshd's auth-shadow.c. A
// field that is empty or not a number sets no limit.
func parseShadow(line string, now time.Time) Shadow {
	fields := append(strings.Split(line, ":"), make([]string, 9)...)
	today := int(now.Unix() / (24 * 60 * 60))
	days := func(i int) (int, bool) {
		n, err := strconv.Atoi(fields[i])
		return n, err == nil && n >= 0
	}
	s := Shadow{Locked: strings.HasPrefix(fields[1], "!")}
	changed, isChanged := days(2)
	longest, isBounded := days(4)
	inactive, dies := days(6)
	expiry, expires := days(7)
	s.Expired = expires && today > expiry
	old := isChanged && isBounded && changed != 0 && changed <= today && today-changed > longest
	s.PasswordExpired = old || isChanged && changed == 0
	s.PasswordDead = old && dies && today-changed > longest+inactive
	return s
}
