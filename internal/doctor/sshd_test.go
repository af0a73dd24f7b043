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

// configured replaces the text of sshd_config.
func configured(config string) func(*bench) {
	return func(b *bench) { b.config = config }
}

// link returns a symbolic link that root owns.
func link(target string) *fstest.MapFile { return owned(os.ModeSymlink|0o777, target) }

func TestWhatSSHDRuns(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"sshd runs no command": {damage: configured("PermitRootLogin no\n"),
			check: "command", verdict: doctor.Broken, found: "sshd runs no AuthorizedKeysCommand"},
		"AuthorizedKeysCommand has the value none": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "command", verdict: doctor.Broken, found: "set at /etc/ssh/sshd_config:1"},
		"command is another program": {damage: configured("AuthorizedKeysCommand /usr/bin/sss_ssh_authorizedkeys %u\nAuthorizedKeysCommandUser nobody\n"),
			check: "command", verdict: doctor.Broken, found: `"/usr/bin/sss_ssh_authorizedkeys %u", set at /etc/ssh/sshd_config:1, which is not eic`},
		"command is another program that runs eic": {damage: configured("AuthorizedKeysCommand /usr/bin/userdbctl ssh-authorized-keys --chain -- %u /usr/bin/eic authorized-keys %u %f\n" + userLine),
			check: "command", verdict: doctor.OK, found: "which runs eic itself"},
		"command is another program with eic as an argument": {damage: configured("AuthorizedKeysCommand /usr/bin/helper /usr/bin/eic version\n" + userLine),
			check: "command", verdict: doctor.Broken, found: "which is not eic"},
		"command is the older package's script": {damage: configured("AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\n" + userLine),
			check: "command", verdict: doctor.Broken, found: "which is the older package's script"},
		"command is a link to eic with the old name": {
			damage: func(b *bench) {
				b.files["opt/aws/bin/eic_run_authorized_keys"] = link("/usr/bin/eic")
				b.config = "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\n" + userLine
			},
			check: "command", verdict: doctor.OK, found: "set by hand"},
		"command is eic, set by hand": {check: "command", verdict: doctor.OK, found: `set by hand: "eic disable" leaves it`},
		"command is another subcommand of eic": {damage: configured("AuthorizedKeysCommand /usr/bin/eic version\n" + userLine),
			check: "command", verdict: doctor.Broken, found: "which is not eic"},
		"command is an eic other than the running one": {
			damage: func(b *bench) {
				b.files["usr/local/bin/eic"] = owned(0o755, "ELF")
				b.Executable = "/usr/local/bin/eic"
			},
			check: "command", verdict: doctor.Warning, found: "not this eic, /usr/local/bin/eic"},
		"no OpenSSH server is installed": {damage: configured(""),
			check: "command", verdict: doctor.Broken, found: "no OpenSSH server is installed"},
		"no OpenSSH server is installed in an image": {
			damage: func(b *bench) { b.config, b.Offline = "", true },
			check:  "command", verdict: doctor.NotChecked, found: "no OpenSSH server is installed"},
		"sshd refuses its configuration": {
			damage: func(b *bench) {
				b.sshdSays = func() ([]byte, []byte, error) {
					return nil, []byte("\x1b[2Jsshd_config line 3: Bad option\nand more\n"), errors.New("exit status 255")
				}
			},
			check: "command", verdict: doctor.Broken, found: `\x1b[2Jsshd_config line 3: Bad option`},
		"only root can read the configuration": {
			damage: func(b *bench) {
				b.sshdSays = func() ([]byte, []byte, error) { return nil, nil, fs.ErrPermission }
			},
			check: "command", verdict: doctor.NotChecked, found: "permission denied"},
	})
}

func TestWhatSSHDRunsForOneUser(t *testing.T) {
	const match = "Match User root\n"
	requireTroubles(t, map[string]trouble{
		"command is the same": {check: "command-for-user", verdict: doctor.OK, found: `the same for user "root"`},
		"no command for any user": {damage: configured("PermitRootLogin no\n"),
			check: "command-for-user", verdict: doctor.NotChecked, found: `the same for user "root"`},
		"Match block turns the command off": {damage: configured(ourLine + userLine + match + "AuthorizedKeysCommand none\n"),
			check: "command-for-user", verdict: doctor.Broken, found: `no AuthorizedKeysCommand, set at /etc/ssh/sshd_config:4 under Match "User root"`},
		"Match block sets another program": {damage: configured(ourLine + userLine + match + "AuthorizedKeysCommand /usr/bin/keys %u\n"),
			check: "command-for-user", verdict: doctor.Broken, found: `for user "root" sshd runs "/usr/bin/keys %u"`},
		"Match block sets eic": {damage: configured(userLine + match + ourLine),
			check: "command-for-user", verdict: doctor.OK, found: `under Match "User root"`},
		"no OpenSSH server is installed": {damage: configured(""),
			check: "command-for-user", verdict: doctor.NotChecked, found: "the same"},
	})
}

func TestArgumentsOfTheCommand(t *testing.T) {
	called := func(arguments string) func(*bench) {
		return configured("AuthorizedKeysCommand /usr/bin/eic authorized-keys" + arguments + "\n" + userLine)
	}
	requireTroubles(t, map[string]trouble{
		"no flags": {check: "arguments", verdict: doctor.OK, found: "no flags"},
		"valid flag": {damage: called(" --domain=example.com %u"),
			check: "arguments", verdict: doctor.OK, found: `["--domain=example.com"]`},
		"user is fixed": {damage: called(" alice %f"),
			check: "arguments", verdict: doctor.Broken, found: `its USER is "alice" for every login`},
		"fingerprint is fixed": {damage: called(" %u SHA256:BCm+kxkhe6Uei6qbFliL2yTURChxYQQehGcrUQ3kgEM"),
			check: "arguments", verdict: doctor.Broken, found: `its FINGERPRINT is "SHA256:BCm+kxkhe6Uei6qbFliL2yTURChxYQQehGcrUQ3kgEM"`},
		"user is missing": {damage: called(""),
			check: "arguments", verdict: doctor.Broken, found: "too few arguments"},
		"flag is misspelled": {damage: called(" --domian=example.com %u"),
			check: "arguments", verdict: doctor.Broken, found: "unknown flag: --domian"},
		"token is unknown to sshd": {damage: called(" %x"),
			check: "arguments", verdict: doctor.Broken, found: `unknown token "%x"`},
		"flag is misspelled, so the metadata service is not queried": {damage: called(" --domian=example.com %u"),
			check: "metadata", verdict: doctor.NotChecked, found: "arguments of sshd's command are wrong"},
		"flag is misspelled, so nothing is observed": {damage: called(" --domian=example.com %u"),
			check: "as-user", verdict: doctor.NotChecked, found: "arguments of sshd's command are wrong"},
		"flag is misspelled, but doctor was given flags": {
			damage: func(b *bench) { called(" --domian=example.com %u")(b); b.Flags = []string{} },
			check:  "signer", verdict: doctor.OK, found: "valid now"},
		"sshd does not run eic": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "arguments", verdict: doctor.NotChecked, found: "not eic"},
		"old name without arguments": {
			damage: func(b *bench) {
				b.files["opt/aws/bin/eic_run_authorized_keys"] = link("/usr/bin/eic")
				b.config = "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys\n" + userLine
			},
			check: "arguments", verdict: doctor.OK, found: "no flags"},
	})
}

func TestPathOfTheCommand(t *testing.T) {
	owner := func(name string, mode os.FileMode, uid, gid uint32) func(*bench) {
		return func(b *bench) {
			b.files[name] = &fstest.MapFile{Mode: mode, Sys: &syscall.Stat_t{Uid: uid, Gid: gid}}
		}
	}
	requireTroubles(t, map[string]trouble{
		"root owns the whole path": {check: "path", verdict: doctor.OK, found: "/usr/bin/eic: root owns it"},
		"path has links": {
			damage: func(b *bench) {
				b.files["usr/libexec/eic"], b.files["usr/bin/eic"] = b.files["usr/bin/eic"], link("../lib/exec/eic")
				b.files["usr/libexec"], b.files["usr/lib/exec"] = owned(os.ModeDir|0o755, ""), link("/usr/libexec")
			},
			check: "path", verdict: doctor.OK, found: "/usr/bin/eic, a link to /usr/libexec/eic"},
		"link leads to a directory that others can write to": {
			damage: func(b *bench) {
				b.files["usr/bin/eic"] = link("/srv/eic")
				b.files["srv"], b.files["srv/eic"] = owned(os.ModeDir|0o777, ""), owned(0o755, "")
			},
			check: "path", verdict: doctor.Broken, found: "/srv may be written to"},
		"another user owns the file": {damage: owner("usr/bin/eic", 0o755, 1000, 0),
			check: "path", verdict: doctor.Broken, found: "/usr/bin/eic is owned by uid 1000"},
		"another user owns a directory": {damage: owner("usr", os.ModeDir|0o755, 1000, 0),
			check: "path", verdict: doctor.Broken, found: "/usr is owned by uid 1000"},
		"group can write to a directory": {damage: owner("usr/bin", os.ModeDir|0o775, 0, 0),
			check: "path", verdict: doctor.Broken, found: "/usr/bin may be written to"},
		"program is in a store that a group writes to by design": {
			damage: func(b *bench) {
				b.files["usr/bin/eic"] = link("/nix/store/eic")
				b.files["nix"], b.files["nix/store/eic"] = owned(os.ModeDir|0o755, ""), owned(0o755, "")
				owner("nix/store", os.ModeDir|os.ModeSticky|0o775, 0, 30000)(b)
			},
			check: "path", verdict: doctor.Broken, found: "sshd would run a copy in a directory that only root can write to"},
		"everybody can write to the root directory": {damage: owner(".", os.ModeDir|0o777, 0, 0),
			check: "path", verdict: doctor.Broken, found: "/ may be written to"},
		"command user may not execute the file": {damage: owner("usr/bin/eic", 0o750, 0, 0),
			check: "path", verdict: doctor.Broken, found: "/usr/bin/eic is closed"},
		"group of the command user may execute the file": {damage: owner("usr/bin/eic", 0o750, 0, 997),
			check: "path", verdict: doctor.OK, found: "root owns it"},
		"supplementary group of the command user may execute the file": {damage: owner("usr/bin/eic", 0o750, 0, 4),
			check: "path", verdict: doctor.OK, found: "root owns it"},
		"program is a directory": {damage: owner("usr/bin/eic", os.ModeDir|0o755, 0, 0),
			check: "path", verdict: doctor.Broken, found: "is not a regular file"},
		"link is dangling": {
			damage: func(b *bench) { b.files["usr/bin/eic"] = link("/usr/bin/gone") },
			check:  "path", verdict: doctor.Broken, found: "is missing, or is a dangling link"},
		"links form a loop": {
			damage: func(b *bench) { b.files["usr/bin/eic"] = link("/usr/bin/eic") },
			check:  "path", verdict: doctor.NotChecked, found: "too many levels of symbolic links"},
		"owner is unknown": {
			damage: func(b *bench) { b.files["usr/bin/eic"] = &fstest.MapFile{Mode: 0o755} },
			check:  "path", verdict: doctor.NotChecked, found: "the owner of /usr/bin/eic is unknown"},
	})
}
