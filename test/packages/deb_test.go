//go:build packages

package packages

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	settingsFile = "/etc/eic/eic.conf"
	dropIn       = "/etc/ssh/sshd_config.d/10-eic.conf"
	otherFile    = "/etc/ssh/sshd_config.d/50-other.conf"
	otherLines   = "AuthorizedKeysCommand /usr/bin/true %u\nAuthorizedKeysCommandUser nobody\n"
)

// onDebian runs a test on Debian 12 and on Debian 13.
func onDebian(t *testing.T, test func(t *testing.T, m machine)) {
	t.Helper()
	for _, release := range []string{"bookworm", "trixie"} {
		t.Run(release, func(t *testing.T) { test(t, start(t, release)) })
	}
}

func (m machine) installDeb(pattern string) string {
	m.t.Helper()
	return m.must("/usr/bin/dpkg", "-i", m.copyIn(file(m.t, pattern)))
}

// settings returns the paths that dpkg keeps until the package is purged.
func settings() []string { return []string{"/etc/eic", settingsFile} }

const (
	newDeb = `new/eic_[0-9]\S*_amd64\.deb`
	oldDeb = `old/eic_[0-9]\S*_amd64\.deb`
)

func TestDebEnablesLoginsAndPurgeRestoresTheHost(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		before := m.listing()
		m.installDeb(newDeb)
		require.True(t, m.hasUser("_eic"))
		require.Contains(t, m.read(dropIn), "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\n")
		m.must("/usr/bin/eic", "doctor", "--offline")
		m.requireLogin()

		again := m.listing()
		m.installDeb(newDeb)
		m.requireListing(again)
		m.requireLogin()

		account := systemUser.FindString(m.read("/etc/passwd"))
		require.Contains(t, account, ":/nonexistent:/usr/sbin/nologin\n")
		m.must("/usr/bin/dpkg", "-r", "eic")
		m.requireListing(before, settings()...)
		m.installDeb(newDeb)
		m.requireLogin()
		m.must("/usr/bin/dpkg", "-r", "eic")
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
		require.Equal(t, account, systemUser.FindString(m.read("/etc/passwd")), "the system user must keep its uid, which firewall rules name")

		m.installDeb(newDeb)
		m.requireLogin()
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebUpgradeKeepsFlagsAndDisabledState(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.installDeb(oldDeb)
		m.must("/usr/bin/eic", "disable")
		m.must("/usr/bin/eic", "enable", "--deny-user=root")
		chosen := m.read(dropIn)
		require.Contains(t, chosen, "root")
		m.installDeb(newDeb)
		require.Equal(t, chosen, m.read(dropIn))
		m.requireLogin()

		m.must("/usr/bin/eic", "disable")
		m.installDeb(oldDeb)
		m.installDeb(newDeb)
		require.False(t, m.enabled(), "the upgrade enabled eic, which the administrator had disabled")
	})
}

func TestDebReplacesAWSsPackage(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		before := m.listing()
		older := m.copyIn(file(t, `older/ec2-instance-connect_.*\.deb`))
		m.must("/usr/bin/dpkg", "-i", older)
		require.True(t, m.hasUser("ec2-instance-connect"))
		m.must("/usr/bin/apt-get", "-y", "install", m.copyIn(file(t, newDeb)))
		require.False(t, m.hasUser("ec2-instance-connect"))
		require.True(t, m.hasUser("_eic"))
		m.must("/usr/bin/eic", "doctor", "--offline")
		m.requireLogin()
		// The path of AWS's script still works.
		m.must("/usr/share/ec2-instance-connect/eic_run_authorized_keys", "alice")

		require.NotZero(t, m.run("/usr/bin/dpkg", "-i", older).Status, "AWS's package was installed next to eic")
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebKeepsAnotherAuthorizedKeysCommand(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.write(otherFile, otherLines)
		before := m.listing()
		said := m.installDeb(newDeb)
		require.Contains(t, said, otherFile+":1")
		require.False(t, m.enabled())
		m.runSuggestion(said)
		m.requireLogin()
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

// runSuggestion runs the command that a refusal suggests.
func (m machine) runSuggestion(said string) {
	m.t.Helper()
	command := regexp.MustCompile("; run: (.*)").FindStringSubmatch(said)
	require.NotNil(m.t, command, said)
	m.must("/bin/sh", "-c", command[1])
}

// An unrelated group may have the name _eic. Its members gain nothing, and the system user
// gets another primary group.
func TestDebInstallsIfAGroupHasTheNameOfItsUser(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.requireInstallDespiteGroup(func() { m.installDeb(newDeb) })
		m.must("/usr/bin/dpkg", "-P", "eic")
		require.Contains(t, m.read("/etc/group"), existingGroup)
	})
}

const existingGroup = "\n_eic:x:4000:alice\n"

// requireInstallDespiteGroup adds a group with the name of eic's system user, installs eic,
// and logs in.
func (m machine) requireInstallDespiteGroup(install func()) {
	m.t.Helper()
	m.must("/usr/sbin/groupadd", "--gid", "4000", "_eic")
	m.must("/usr/sbin/usermod", "--append", "--groups", "_eic", "alice")
	install()
	require.Contains(m.t, m.read("/etc/group"), existingGroup)
	require.NotContains(m.t, systemUser.FindString(m.read("/etc/passwd")), ":4000:")
	require.True(m.t, m.enabled())
	m.must("/usr/bin/eic", "doctor", "--offline")
	m.requireLogin()
}

func TestDebInstallsWithoutSSHD(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.must("/usr/bin/dpkg", "-P", "openssh-server")
		before := m.listing()
		m.must("/usr/bin/dpkg", "--force-depends", "-i", m.copyIn(file(t, newDeb)))
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebStaysDisabledIfSSHDsConfigurationIsInvalid(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.write("/etc/ssh/sshd_config.d/00-wrong.conf", "NoSuchOption yes\n")
		before := m.listing()
		require.Contains(t, m.installDeb(newDeb), "sshd does not use it")
		require.False(t, m.enabled())
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebPurgeKeepsAnEditedDropIn(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.installDeb(newDeb)
		edited := m.read(dropIn) + "LogLevel VERBOSE\n"
		edited = strings.Replace(edited, "authorized-keys", "authorized-keys --deny-user=root", 1)
		m.write(dropIn, edited)
		require.Contains(t, m.must("/usr/bin/dpkg", "-P", "eic"), "sshd's configuration still names eic")
		require.Equal(t, edited, m.read(dropIn))
		require.True(t, m.hasUser("_eic"))
	})
}

// dpkg calls "postinst abort-remove" if a removal fails after prerm has removed eic's lines
// from sshd's configuration.
func TestFailedDebRemovalRestoresSSHDsConfiguration(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.installDeb(newDeb)
		m.must("/usr/bin/eic", "disable")
		m.must("/usr/bin/eic", "enable", "--deny-user=root")
		before := m.listing()
		prerm := "/var/lib/dpkg/info/eic.prerm"
		m.write(prerm, m.read(prerm)+"exit 1\n")
		require.Contains(t, m.read(dropIn), "root")
		require.NotZero(t, m.run("/usr/bin/dpkg", "-r", "eic").Status)
		m.requireListing(before)
		m.requireLogin()

		m.must("/usr/bin/eic", "disable")
		before = m.listing()
		require.NotZero(t, m.run("/usr/bin/dpkg", "-r", "eic").Status)
		m.requireListing(before)
		require.False(t, m.enabled(), "the failed removal enabled eic, which the administrator had disabled")
	})
}

// policy-rc.d may forbid any action on a service that a maintainer script requests. If it
// forbids the reload, the package does not reload sshd. If it allows it, sshd reloads.
func TestDebReloadsSSHDOnlyIfPolicyRCDAllowsIt(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		require.NoError(t, m.StartSSHD()) // this creates the host keys
		m.StopSSHD()
		m.script("/usr/sbin/policy-rc.d", `echo "$*" >> /run/asked; exit 101`)
		m.script("/run/test", `
			/usr/sbin/sshd -E /run/sshd-log
			until [ -e /run/sshd.pid ]; do sleep 0.1; done
			dpkg -i `+m.copyIn(file(t, newDeb))+`
			echo == allowed
			printf '#!/bin/sh\nexit 0\n' > /usr/sbin/policy-rc.d
			dpkg -r eic
			until grep -q 'Received SIGHUP' /run/sshd-log; do sleep 0.1; done`)
		// Process 1 of this PID namespace has the machine's root, so eic does not treat the
		// machine as a chroot.
		out := m.must("/usr/bin/timeout", "--signal=KILL", "120", "/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "/run/test")
		forbidden, allowed, found := strings.Cut(out, "== allowed\n")
		require.True(t, found)
		require.Contains(t, forbidden, "sshd's configuration was changed and tested. sshd was not reloaded: \"/usr/sbin/invoke-rc.d --disclose-deny ssh reload\" forbids it")
		require.Regexp(t, `(?m)^ssh reload`, m.read("/run/asked"))
		require.Regexp(t, `sshd's configuration was changed and tested, and process [0-9]+ reloaded`, allowed)
		require.Equal(t, 1, strings.Count(m.read("/run/sshd-log"), "Received SIGHUP"))
	})
}

// The packages do not need systemd-sysusers, which some systems lack: eic enable creates the
// user. If systemd-sysusers ran before, as in an image or on Arch, the account is the same.
func TestSysusersAndThePackageCreateTheSameAccount(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(module, "packaging/sysusers.d/eic.conf"))
	require.NoError(t, err)
	const account = `^_eic:x:[0-9]+:[0-9]+:EC2 Instance Connect:/nonexistent:/usr/sbin/nologin\n$`
	t.Run("created by systemd-sysusers before the installation", func(t *testing.T) {
		m := start(t, "trixie")
		m.write("/run/eic.conf", string(text))
		m.must("/usr/bin/systemd-sysusers", "/run/eic.conf")
		before := systemUser.FindString(m.read("/etc/passwd"))
		require.Regexp(t, account, before)
		m.installDeb(newDeb)
		require.Equal(t, before, systemUser.FindString(m.read("/etc/passwd")))
		m.requireLogin()
	})
	t.Run("without systemd-sysusers", func(t *testing.T) {
		m := start(t, "bookworm")
		require.False(t, m.exists("/usr/bin/systemd-sysusers"))
		m.installDeb(newDeb)
		require.Regexp(t, account, systemUser.FindString(m.read("/etc/passwd")))
	})
}

// The administrator's settings survive an upgrade and a removal. A purge deletes them.
func TestDebKeepsSettingsUntilPurge(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		before := m.listing()
		m.installDeb(oldDeb)
		settings := m.read(settingsFile) + "deny-user root\n"
		m.write(settingsFile, settings)
		m.installDeb(newDeb)
		require.Equal(t, settings, m.read(settingsFile))
		m.must("/usr/bin/dpkg", "-r", "eic")
		require.Equal(t, settings, m.read(settingsFile))
		m.installDeb(newDeb)
		require.Equal(t, settings, m.read(settingsFile))
		m.requireLogin()
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

// If a person's account has the name _eic, eic does not use it and stays disabled. The
// suggested command renames the account and enables eic.
func TestDebDoesNotAdoptAPersonsAccount(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.must("/usr/sbin/useradd", "--create-home", "--shell", "/bin/bash", "_eic")
		person := systemUser.FindString(m.read("/etc/passwd"))
		said := m.installDeb(newDeb)
		require.Contains(t, said, `the account "_eic" is not a system user reserved for eic: its uid 2001 is in the range for people`)
		require.Contains(t, said, "eic is installed, but sshd does not use it")
		require.False(t, m.enabled())
		require.Equal(t, person, systemUser.FindString(m.read("/etc/passwd")))

		command := regexp.MustCompile("run: (usermod --login former_eic _eic && eic enable .*)").FindStringSubmatch(said)[1]
		m.must("/bin/sh", "-c", command)
		m.requireLogin()
		m.must("/usr/bin/dpkg", "-P", "eic")
		require.True(t, m.hasUser("former_eic"))
		require.True(t, m.exists("/home/_eic"))
	})
}

// Version 0.1.0 ran eic as the system user eic, which its scripts created.
func TestDebUpgradeFromVersion010RunsEicAsItsNewUser(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.installDeb(oldDeb)
		m.must("/usr/sbin/userdel", "_eic")
		m.must("/usr/sbin/useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin",
			"--comment", "EC2 Instance Connect", "eic")
		body := "AuthorizedKeysCommand /usr/bin/eic authorized-keys --deny-user=root %u %f\nAuthorizedKeysCommandUser eic\n"
		sum := sha256.Sum256([]byte(body))
		m.write(dropIn, fmt.Sprintf("# BEGIN eic: written by \"eic enable\", removed by \"eic disable\"; neither touches it once it is edited\n# checksum %x\n%s# END eic\n",
			sum[:8], body))
		m.requireLogin()

		m.installDeb(newDeb)
		require.Contains(t, m.read(dropIn), "--deny-user=root %u %f\nAuthorizedKeysCommandUser _eic\n")
		m.requireLogin()
		id := func(name string) string {
			return regexp.MustCompile("(?m)^" + name + ":[^:]*:([0-9]+:[0-9]+):").FindStringSubmatch(m.read("/etc/passwd"))[1]
		}
		require.Equal(t, id("eic"), id("_eic"), "both users must have the same ids, which firewall rules name")
	})
}

// Removing AWS's package removes its system user. A Match block that runs AWS's script as
// that user must still let its group log in.
func TestDebKeepsLoginsOfAMatchBlockWithAWSsUser(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.must("/usr/bin/dpkg", "-i", m.copyIn(file(t, `older/ec2-instance-connect_.*\.deb`)))
		m.requireMatchBlockSurvives("/usr/share/ec2-instance-connect/eic_run_authorized_keys", func() string {
			return m.must("/usr/bin/apt-get", "-y", "install", m.copyIn(file(t, newDeb)))
		}, func() { m.must("/usr/bin/dpkg", "-P", "eic") })
	})
}
