package doctor_test

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"testing/fstest"

	"eic/internal/doctor"
)

func configured(config string) func(*bench) {
	return func(b *bench) { b.config = config }
}

// link is a symbolic link of root's.
func link(target string) *fstest.MapFile { return owned(os.ModeSymlink|0o777, target) }

func TestWhatSSHDRuns(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"nothing": {damage: configured("PermitRootLogin no\n"),
			check: "command", verdict: doctor.Broken, found: "sshd runs no AuthorizedKeysCommand"},
		"somebody decided that nothing is run": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "command", verdict: doctor.Broken, found: "set at /etc/ssh/sshd_config:1"},
		"another helper": {damage: configured("AuthorizedKeysCommand /usr/bin/sss_ssh_authorizedkeys %u\nAuthorizedKeysCommandUser nobody\n"),
			check: "command", verdict: doctor.Broken, found: `"/usr/bin/sss_ssh_authorizedkeys %u", set at /etc/ssh/sshd_config:1, which is not eic`},
		"another helper that runs ours": {damage: configured("AuthorizedKeysCommand /usr/bin/userdbctl ssh-authorized-keys --chain -- %u /usr/bin/eic authorized-keys %u %f\n" + userLine),
			check: "command", verdict: doctor.OK, found: "which runs eic itself"},
		"another helper that only names ours": {damage: configured("AuthorizedKeysCommand /usr/bin/helper /usr/bin/eic version\n" + userLine),
			check: "command", verdict: doctor.Broken, found: "which is not eic"},
		"the older package's script": {damage: configured("AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\n" + userLine),
			check: "command", verdict: doctor.Broken, found: "which is the older package's script"},
		"ours by its old name": {
			damage: func(b *bench) {
				b.files["opt/aws/bin/eic_run_authorized_keys"] = link("/usr/bin/eic")
				b.config = "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\n" + userLine
			},
			check: "command", verdict: doctor.OK, found: "set by hand"},
		"ours, set by hand": {check: "command", verdict: doctor.OK, found: `set by hand: "eic disable" leaves it`},
		"a command of another program of our name": {damage: configured("AuthorizedKeysCommand /usr/bin/eic version\n" + userLine),
			check: "command", verdict: doctor.Broken, found: "which is not eic"},
		"another eic than the one that examines": {
			damage: func(b *bench) {
				b.files["usr/local/bin/eic"] = owned(0o755, "ELF")
				b.Executable = "/usr/local/bin/eic"
			},
			check: "command", verdict: doctor.Warning, found: "not this eic, /usr/local/bin/eic"},
		"no sshd at all": {damage: configured(""),
			check: "command", verdict: doctor.Broken, found: "no OpenSSH server is installed"},
		"no sshd yet in an image": {
			damage: func(b *bench) { b.config, b.Offline = "", true },
			check:  "command", verdict: doctor.NotChecked, found: "no OpenSSH server is installed"},
		"a configuration that sshd refuses": {
			damage: func(b *bench) {
				b.sshdSays = func() ([]byte, []byte, error) {
					return nil, []byte("\x1b[2Jsshd_config line 3: Bad option\nand more\n"), errors.New("exit status 255")
				}
			},
			check: "command", verdict: doctor.Broken, found: `\x1b[2Jsshd_config line 3: Bad option`},
		"a configuration that only root may read": {
			damage: func(b *bench) {
				b.sshdSays = func() ([]byte, []byte, error) { return nil, nil, fs.ErrPermission }
			},
			check: "command", verdict: doctor.NotChecked, found: "permission denied"},
	})
}

func TestWhatSSHDRunsForOneUser(t *testing.T) {
	const match = "Match User root\n"
	requireTroubles(t, map[string]trouble{
		"the same": {check: "command-for-user", verdict: doctor.OK, found: `the same for user "root"`},
		"the same nothing": {damage: configured("PermitRootLogin no\n"),
			check: "command-for-user", verdict: doctor.NotChecked, found: `the same for user "root"`},
		"nothing, by a Match block": {damage: configured(ourLine + userLine + match + "AuthorizedKeysCommand none\n"),
			check: "command-for-user", verdict: doctor.Broken, found: `no AuthorizedKeysCommand, set at /etc/ssh/sshd_config:4 under Match "User root"`},
		"another helper, by a Match block": {damage: configured(ourLine + userLine + match + "AuthorizedKeysCommand /usr/bin/keys %u\n"),
			check: "command-for-user", verdict: doctor.Broken, found: `for user "root" sshd runs "/usr/bin/keys %u"`},
		"ours, by a Match block": {damage: configured(userLine + match + ourLine),
			check: "command-for-user", verdict: doctor.OK, found: `under Match "User root"`},
		"sshd does not say": {damage: configured(""),
			check: "command-for-user", verdict: doctor.NotChecked, found: "the same"},
	})
}

func TestHowTheCommandIsCalled(t *testing.T) {
	called := func(arguments string) func(*bench) {
		return configured("AuthorizedKeysCommand /usr/bin/eic authorized-keys" + arguments + "\n" + userLine)
	}
	requireTroubles(t, map[string]trouble{
		"without flags": {check: "arguments", verdict: doctor.OK, found: "no flags"},
		"with flags": {damage: called(" --domain=example.com %u"),
			check: "arguments", verdict: doctor.OK, found: `["--domain=example.com"]`},
		"for the same user whoever logs in": {damage: called(" alice %f"),
			check: "arguments", verdict: doctor.Broken, found: `its USER is "alice" for every login`},
		"for the same key whoever logs in": {damage: called(" %u SHA256:BCm+kxkhe6Uei6qbFliL2yTURChxYQQehGcrUQ3kgEM"),
			check: "arguments", verdict: doctor.Broken, found: `its FINGERPRINT is "SHA256:BCm+kxkhe6Uei6qbFliL2yTURChxYQQehGcrUQ3kgEM"`},
		"without a user": {damage: called(""),
			check: "arguments", verdict: doctor.Broken, found: "too few arguments"},
		"with a flag that is misspelled": {damage: called(" --domian=example.com %u"),
			check: "arguments", verdict: doctor.Broken, found: "unknown flag: --domian"},
		"with a token that sshd does not know": {damage: called(" %x"),
			check: "arguments", verdict: doctor.Broken, found: `unknown token "%x"`},
		"nobody is asked with other flags than those meant": {damage: called(" --domian=example.com %u"),
			check: "metadata", verdict: doctor.NotChecked, found: "arguments of sshd's command are wrong"},
		"nobody looks with other flags than those meant": {damage: called(" --domian=example.com %u"),
			check: "as-user", verdict: doctor.NotChecked, found: "arguments of sshd's command are wrong"},
		"the flags meant are known": {
			damage: func(b *bench) { called(" --domian=example.com %u")(b); b.Flags = []string{} },
			check:  "signer", verdict: doctor.OK, found: "valid now"},
		"it is not ours": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "arguments", verdict: doctor.NotChecked, found: "not eic"},
		"by the old name alone": {
			damage: func(b *bench) {
				b.files["opt/aws/bin/eic_run_authorized_keys"] = link("/usr/bin/eic")
				b.config = "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys\n" + userLine
			},
			check: "arguments", verdict: doctor.OK, found: "no flags"},
	})
}

func TestThePathOfTheCommand(t *testing.T) {
	owner := func(name string, mode os.FileMode, uid, gid uint32) func(*bench) {
		return func(b *bench) {
			b.files[name] = &fstest.MapFile{Mode: mode, Sys: &syscall.Stat_t{Uid: uid, Gid: gid}}
		}
	}
	requireTroubles(t, map[string]trouble{
		"is root's": {check: "path", verdict: doctor.OK, found: "/usr/bin/eic: root owns it"},
		"has links in it": {
			damage: func(b *bench) {
				b.files["usr/libexec/eic"], b.files["usr/bin/eic"] = b.files["usr/bin/eic"], link("../lib/exec/eic")
				b.files["usr/libexec"], b.files["usr/lib/exec"] = owned(os.ModeDir|0o755, ""), link("/usr/libexec")
			},
			check: "path", verdict: doctor.OK, found: "/usr/bin/eic, a link to /usr/libexec/eic"},
		"has a link to where others write": {
			damage: func(b *bench) {
				b.files["usr/bin/eic"] = link("/srv/eic")
				b.files["srv"], b.files["srv/eic"] = owned(os.ModeDir|0o777, ""), owned(0o755, "")
			},
			check: "path", verdict: doctor.Broken, found: "/srv may be written to"},
		"is somebody else's file": {damage: owner("usr/bin/eic", 0o755, 1000, 0),
			check: "path", verdict: doctor.Broken, found: "/usr/bin/eic is owned by uid 1000"},
		"is in somebody else's directory": {damage: owner("usr", os.ModeDir|0o755, 1000, 0),
			check: "path", verdict: doctor.Broken, found: "/usr is owned by uid 1000"},
		"may be written to by a group": {damage: owner("usr/bin", os.ModeDir|0o775, 0, 0),
			check: "path", verdict: doctor.Broken, found: "/usr/bin may be written to"},
		"is in a store that a group writes to": {
			damage: func(b *bench) {
				b.files["usr/bin/eic"] = link("/nix/store/eic")
				b.files["nix"], b.files["nix/store/eic"] = owned(os.ModeDir|0o755, ""), owned(0o755, "")
				owner("nix/store", os.ModeDir|os.ModeSticky|0o775, 0, 30000)(b)
			},
			check: "path", verdict: doctor.Broken, found: "sshd would run a copy in a directory that only root can write to"},
		"starts at a root that anybody may write to": {damage: owner(".", os.ModeDir|0o777, 0, 0),
			check: "path", verdict: doctor.Broken, found: "/ may be written to"},
		"is closed to the command's user": {damage: owner("usr/bin/eic", 0o750, 0, 0),
			check: "path", verdict: doctor.Broken, found: "/usr/bin/eic is closed"},
		"is open to the command's user's group": {damage: owner("usr/bin/eic", 0o750, 0, 997),
			check: "path", verdict: doctor.OK, found: "root owns it"},
		"is open to another group of the command's user": {damage: owner("usr/bin/eic", 0o750, 0, 4),
			check: "path", verdict: doctor.OK, found: "root owns it"},
		"is a directory": {damage: owner("usr/bin/eic", os.ModeDir|0o755, 0, 0),
			check: "path", verdict: doctor.Broken, found: "is not a regular file"},
		"leads nowhere": {
			damage: func(b *bench) { b.files["usr/bin/eic"] = link("/usr/bin/gone") },
			check:  "path", verdict: doctor.Broken, found: "is missing, or is a dangling link"},
		"goes round in circles": {
			damage: func(b *bench) { b.files["usr/bin/eic"] = link("/usr/bin/eic") },
			check:  "path", verdict: doctor.NotChecked, found: "too many levels of symbolic links"},
		"is on a file system without owners": {
			damage: func(b *bench) { b.files["usr/bin/eic"] = &fstest.MapFile{Mode: 0o755} },
			check:  "path", verdict: doctor.NotChecked, found: "the owner of /usr/bin/eic is unknown"},
	})
}
