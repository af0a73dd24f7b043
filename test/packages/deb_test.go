//go:build packages

package packages

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	dropIn     = "/etc/ssh/sshd_config.d/10-eic.conf"
	otherFile  = "/etc/ssh/sshd_config.d/50-other.conf"
	otherLines = "AuthorizedKeysCommand /usr/bin/true %u\nAuthorizedKeysCommandUser nobody\n"
)

// onDebian runs a test on every release of Debian.
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

const (
	newDeb = `new/eic_[0-9.-]+_amd64\.deb`
	oldDeb = `old/eic_[0-9.-]+_amd64\.deb`
)

func TestDebInstalledIsAllThereIsToDo(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		before := m.listing()
		m.installDeb(newDeb)
		require.True(t, m.hasUser("eic"))
		require.Contains(t, m.read(dropIn), "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\n")
		m.must("/usr/bin/eic", "doctor", "--offline")
		m.requireLogin()

		again := m.listing()
		m.installDeb(newDeb)
		m.requireListing(again)
		m.requireLogin()

		m.must("/usr/bin/dpkg", "-r", "eic")
		require.False(t, m.hasUser("eic"))
		m.requireListing(before)
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)

		m.installDeb(newDeb)
		m.requireLogin()
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebUpgradeLeavesTheAdministratorsChoice(t *testing.T) {
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
		require.False(t, m.enabled(), "an upgrade enabled what the administrator had disabled")
	})
}

func TestDebTakesThePlaceOfTheScripts(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		before := m.listing()
		older := m.copyIn(file(t, `older/ec2-instance-connect_.*\.deb`))
		m.must("/usr/bin/dpkg", "-i", older)
		require.True(t, m.hasUser("ec2-instance-connect"))
		m.must("/usr/bin/apt-get", "-y", "install", m.copyIn(file(t, newDeb)))
		require.False(t, m.hasUser("ec2-instance-connect"))
		require.True(t, m.hasUser("eic"))
		m.must("/usr/bin/eic", "doctor", "--offline")
		m.requireLogin()
		// What called the script by its name still finds it.
		m.must("/usr/share/ec2-instance-connect/eic_run_authorized_keys", "alice")

		require.NotZero(t, m.run("/usr/bin/dpkg", "-i", older).Status, "the older package came back beside this one")
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebOverridesNobody(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.write(otherFile, otherLines)
		before := m.listing()
		require.Contains(t, m.installDeb(newDeb), otherFile+":1")
		require.False(t, m.enabled())
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebWithoutSSHD(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.must("/usr/bin/dpkg", "-P", "openssh-server")
		before := m.listing()
		m.must("/usr/bin/dpkg", "--force-depends", "-i", m.copyIn(file(t, newDeb)))
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebWithAnSSHDThatIsMisconfigured(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.write("/etc/ssh/sshd_config.d/00-wrong.conf", "NoSuchOption yes\n")
		before := m.listing()
		require.Contains(t, m.installDeb(newDeb), "sshd does not use it")
		require.False(t, m.enabled())
		m.must("/usr/bin/dpkg", "-P", "eic")
		m.requireListing(before)
	})
}

func TestDebRemovalLeavesWhatSomebodyEdited(t *testing.T) {
	onDebian(t, func(t *testing.T, m machine) {
		m.installDeb(newDeb)
		edited := m.read(dropIn) + "LogLevel VERBOSE\n"
		edited = strings.Replace(edited, "authorized-keys", "authorized-keys --deny-user=root", 1)
		m.write(dropIn, edited)
		require.Contains(t, m.must("/usr/bin/dpkg", "-P", "eic"), "sshd's configuration still names eic")
		require.Equal(t, edited, m.read(dropIn))
		require.True(t, m.hasUser("eic"))
	})
}
