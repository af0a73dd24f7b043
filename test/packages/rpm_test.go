//go:build packages

package packages

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	newRPM = `new/eic-[0-9]\S*\.x86_64\.rpm`
	oldRPM = `old/eic-[0-9]\S*\.x86_64\.rpm`
)

// startRPM starts a machine that is managed by rpm. The package "base" tells rpm that the
// dependencies, which Debian's packages installed, are there.
func startRPM(t *testing.T) machine {
	t.Helper()
	m := start(t, "rpm")
	m.must("/usr/bin/mv", "/usr/bin/apt-get", "/usr/bin/apt-get.is-not-here")
	m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, `older/base-.*\.rpm`)))
	// Directories that exist on every distribution with rpm.
	for _, directory := range []string{"/usr/share/licenses", "/usr/share/selinux/packages", "/etc/yum.repos.d"} {
		require.NoError(t, os.MkdirAll(m.Path(directory), 0o755))
	}
	return m
}

func TestRPMEnablesLoginsAndRemovalRestoresTheHost(t *testing.T) {
	m := startRPM(t)
	before := m.listing()
	m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, newRPM)))
	require.True(t, m.hasUser("_eic"))
	require.Contains(t, m.read(dropIn), "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\n")
	m.must("/usr/bin/eic", "doctor", "--offline")
	m.requireLogin()

	again := m.listing()
	m.must("/usr/bin/rpm", "-U", "--replacepkgs", m.copyIn(file(t, newRPM)))
	m.requireListing(again)
	m.requireLogin()

	m.must("/usr/bin/rpm", "-e", "eic")
	require.True(t, m.hasUser("_eic"), "the system user must stay, because firewall rules name its uid")
	m.requireListing(before)
}

// RHEL and its derivatives refuse an rpm without these digests.
func TestRPMHasTheDigestsThatRHELRequires(t *testing.T) {
	m := startRPM(t)
	for _, pattern := range []string{newRPM, `new/eic-selinux-.*\.rpm`, `new/eic-sim-.*\.x86_64\.rpm`} {
		require.Contains(t, m.must("/usr/bin/rpmkeys", "--define", "_pkgverify_level digest", "--checksig", m.copyIn(file(t, pattern))), "digests OK")
	}
}

func TestRPMInstallsIntoAnotherRoot(t *testing.T) {
	m := startRPM(t)
	outside := open(t, "rpm")
	outside.bind(m.Path("/"), "/mnt")
	outside.asRoot("rpm --root /mnt -i /made/new/eic-[0-9]*.x86_64.rpm")
	m.must("/usr/bin/eic", "doctor", "--offline")
	m.requireLogin()
}

func TestRPMUpgradeKeepsFlagsAndDisabledState(t *testing.T) {
	m := startRPM(t)
	m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, oldRPM)))
	m.must("/usr/bin/eic", "disable")
	m.must("/usr/bin/eic", "enable", "--deny-user=root")
	chosen := m.read(dropIn)
	m.must("/usr/bin/rpm", "-U", m.copyIn(file(t, newRPM)))
	require.Equal(t, chosen, m.read(dropIn))
	require.True(t, m.hasUser("_eic"))
	m.requireLogin()

	m.must("/usr/bin/eic", "disable")
	m.must("/usr/bin/rpm", "-U", "--replacepkgs", m.copyIn(file(t, newRPM)))
	require.False(t, m.enabled(), "the upgrade enabled eic, which the administrator had disabled")
}

func TestRPMReplacesAWSsPackage(t *testing.T) {
	const scripts, module, program = `older/ec2-instance-connect-1.*\.rpm`, `older/ec2-instance-connect-selinux.*\.rpm`, `older/ec2-instance-connect-2.*\.rpm`
	for name, test := range map[string]struct {
		with  string
		older []string
	}{
		"the scripts of version 1, replaced by rpm": {"rpm", []string{scripts, module}},
		"the scripts of version 1, replaced by dnf": {"dnf", []string{scripts, module}},
		"Fedora's package, replaced by rpm":         {"rpm", []string{`older/ec2-instance-connect-config-.*\.rpm`}},
		"Fedora's package, replaced by dnf":         {"dnf", []string{`older/ec2-instance-connect-config-.*\.rpm`}},
		"the program of version 2, replaced by rpm": {"rpm", []string{program}},
		"the program of version 2, replaced by dnf": {"dnf", []string{program}},
	} {
		t.Run(name, func(t *testing.T) {
			m := startRPM(t)
			before := m.listing()
			install := []string{"-i"}
			for _, pattern := range test.older {
				install = append(install, m.copyIn(file(t, pattern)))
			}
			m.must("/usr/bin/rpm", install...)
			require.True(t, m.hasUser("ec2-instance-connect"))
			if test.with == "rpm" {
				m.must("/usr/bin/rpm", "-U", m.copyIn(file(t, newRPM)))
			} else {
				m.must("/usr/bin/dnf", "-y", "--disablerepo=*", "--nogpgcheck", "install", m.copyIn(file(t, newRPM)))
			}
			require.NotContains(t, m.must("/usr/bin/rpm", "-qa"), "ec2-instance-connect")
			require.False(t, m.hasUser("ec2-instance-connect"))
			m.must("/usr/bin/eic", "doctor", "--offline")
			m.requireLogin()
			// The path of AWS's script still works.
			m.must("/opt/aws/bin/eic_run_authorized_keys", "alice")

			m.must("/usr/bin/rpm", "-e", "eic")
			m.requireListing(before)
		})
	}
}

// The removal of version 2 of AWS's package may leave its drop-in for sshd behind.
func TestRPMWarnsAboutTheDropInOfAWSsVersion2(t *testing.T) {
	const file2 = "/etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"
	lines, err := os.ReadFile("testdata/older/rpm-2.conf")
	require.NoError(t, err)
	m := startRPM(t)
	m.write(file2, string(lines))
	before := m.listing()
	said := strings.Join(strings.Fields(m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, newRPM)))), " ")
	require.Contains(t, said, "version 2 of the package left "+file2)
	require.Contains(t, said, "RESULT: warning (broken: 0, warnings: 1,")
	m.requireLogin()
	require.Contains(t, m.must("/usr/bin/rpm", "-e", "eic"), file2+":1: the command of AWS's package is in force again; if that package is gone, run: rm "+file2)
	m.requireListing(before)
}

func TestRPMKeepsAnotherAuthorizedKeysCommand(t *testing.T) {
	m := startRPM(t)
	m.write(otherFile, otherLines)
	before := m.listing()
	said := m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, newRPM)))
	require.Contains(t, said, otherFile+":1")
	require.False(t, m.enabled())
	m.runSuggestion(said)
	m.requireLogin()
	m.must("/usr/bin/rpm", "-e", "eic")
	m.requireListing(before)
}

func TestRPMInstallsIfAGroupHasTheNameOfItsUser(t *testing.T) {
	m := startRPM(t)
	m.requireInstallDespiteGroup(func() { m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, newRPM))) })
	m.must("/usr/bin/rpm", "-e", "eic")
	require.Contains(t, m.read("/etc/group"), existingGroup)
}

func TestRPMInstallsWithoutSSHD(t *testing.T) {
	m := startRPM(t)
	m.must("/usr/bin/dpkg", "-P", "openssh-server")
	before := m.listing()
	m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, newRPM)))
	m.must("/usr/bin/rpm", "-e", "eic")
	m.requireListing(before)
}

// The scripts of the SELinux module's package must not fail on a host without a policy.
func TestSELinuxRPMInstallsWithoutAPolicy(t *testing.T) {
	m := startRPM(t)
	before := m.listing()
	require.Contains(t, m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, `new/eic-selinux-.*\.rpm`))), "eic's SELinux module was not installed")
	m.must("/usr/bin/rpm", "-e", "eic-selinux")
	m.requireListing(before)
}

func TestRPMKeepsSettingsAcrossUpgradeAndRemoval(t *testing.T) {
	m := startRPM(t)
	m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, oldRPM)))
	settings := m.read(settingsFile) + "deny-user root\n"
	m.write(settingsFile, settings)
	m.must("/usr/bin/rpm", "-U", m.copyIn(file(t, newRPM)))
	require.Equal(t, settings, m.read(settingsFile))
	m.must("/usr/bin/rpm", "-e", "eic")
	require.Equal(t, settings, m.read(settingsFile+".rpmsave"))
	m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, newRPM)))
	require.Equal(t, settings, m.read(settingsFile))
	require.False(t, m.exists(settingsFile+".rpmsave"))
	m.requireLogin()
}

func TestRPMKeepsLoginsOfAMatchBlockWithAWSsUser(t *testing.T) {
	m := startRPM(t)
	m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, `older/ec2-instance-connect-1.*\.rpm`)))
	m.requireMatchBlockSurvives("/opt/aws/bin/eic_run_authorized_keys", func() string {
		return m.must("/usr/bin/rpm", "-U", m.copyIn(file(t, newRPM)))
	}, func() { m.must("/usr/bin/rpm", "-e", "eic") })
}
