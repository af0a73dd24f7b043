//go:build packages

package packages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArchPackageInstallsUpgradesAndIsRemoved(t *testing.T) {
	m := start(t, "rpm")
	m.must("/usr/bin/ln", "-sf", "bash", "/usr/bin/sh") // as on Arch; nfpm's wrapper around the scripts needs bash
	name := m.copyIn(file(t, `new/eic-[0-9]\S*-x86_64\.pkg\.tar\.zst`))
	before := m.listing()
	// -dd: the dependencies are installed, but not by pacman.
	pacman := func(args ...string) { m.must("/usr/bin/pacman", append([]string{"--noconfirm", "-dd"}, args...)...) }

	pacman("-U", name)
	m.must("/usr/bin/eic", "doctor", "--offline")
	m.requireLogin()
	m.must("/usr/bin/eic", "disable")
	pacman("-U", name)
	require.False(t, m.enabled(), "the upgrade enabled eic, which the administrator had disabled")
	m.must("/usr/bin/eic", "enable")
	m.requireLogin()
	settings := m.read(settingsFile) + "deny-user root\n"
	m.write(settingsFile, settings)
	pacman("-R", "eic")
	require.Equal(t, settings, m.read(settingsFile+".pacsave"))
	pacman("-U", name)
	require.Equal(t, settings, m.read(settingsFile))
	pacman("-Rn", "eic")
	m.requireListing(before)
}
