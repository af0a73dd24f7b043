//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// survivalTable returns the table in docs/how-to/install.md of what survives each step: the
// steps, and the rows by their first cell. A first cell names the package format if the row
// is about one format only.
func survivalTable(t *testing.T) (steps []string, rows map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "docs/how-to/install.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## What stays, and what goes\n")
	require.True(t, found)
	rows = map[string][]string{}
	for _, line := range regexp.MustCompile(`(?m)^\| (.*) \|$`).FindAllStringSubmatch(section, -1) {
		cells := regexp.MustCompile(` ?\| ?`).Split(line[1], -1)
		if steps == nil {
			steps = cells[1:]
		} else if cells[0] != "---" {
			rows[cells[0]] = cells[1:]
		}
	}
	return steps, rows
}

// lifeCycle does the steps of the table with one package format.
type lifeCycle struct {
	name, aside                        string
	start                              func(t *testing.T) machine
	installOld, upgrade, remove, again func(m machine)
	purge                              func(m machine)
}

func lifeCycles() []lifeCycle {
	return []lifeCycle{
		{
			name: "on Debian", start: func(t *testing.T) machine { return start(t, "trixie") },
			installOld: func(m machine) { m.installDeb(oldDeb) },
			upgrade:    func(m machine) { m.installDeb(newDeb) },
			remove:     func(m machine) { m.must("/usr/bin/dpkg", "-r", "eic") },
			again:      func(m machine) { m.installDeb(newDeb) },
			purge:      func(m machine) { m.must("/usr/bin/dpkg", "-P", "eic") },
		},
		{
			name: "with rpm", aside: "eic.conf.rpmsave", start: startRPM,
			installOld: func(m machine) { m.must("/usr/bin/rpm", "-i", m.copyIn(file(m.t, oldRPM))) },
			upgrade:    func(m machine) { m.must("/usr/bin/rpm", "-U", m.copyIn(file(m.t, newRPM))) },
			remove:     func(m machine) { m.must("/usr/bin/rpm", "-e", "eic") },
			again:      func(m machine) { m.must("/usr/bin/rpm", "-i", m.copyIn(file(m.t, newRPM))) },
		},
	}
}

const (
	rowSettings = "settings in `/etc/eic/eic.conf`, "
	rowFlags    = "flags that `eic enable` wrote into sshd's configuration"
	rowRuns     = "that sshd runs eic"
	rowDisabled = "that sshd does not run eic, after `eic disable`"
	rowMatch    = "lines of Match blocks that name `_eic` in place of AWS's user"
	rowUser     = "the system user `_eic`, whose uid firewall rules may name"

	ownSettings  = "deny-user admin\n"
	ownFlag      = "--deny-user=root"
	blockOfAWS   = "Match User git\n\tAuthorizedKeysCommandUser ec2-instance-connect\n"
	blockChanged = "\n\tAuthorizedKeysCommandUser _eic\n"
)

// observed returns what each row must say after a step, in the words of the table.
func (m machine) observed(f lifeCycle, step, account string) map[string]string {
	m.t.Helper()
	again := step == "installed again"
	words := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	settings := "go"
	switch name := "/etc/eic/" + f.aside; {
	case m.exists(settingsFile) && m.read(settingsFile) == ownSettings:
		settings = words(again, "count again", "stay")
	case f.aside != "" && m.exists(name) && m.read(name) == ownSettings:
		settings = "are kept as `" + f.aside + "`"
	}
	isChanged := strings.Contains(m.read("/etc/ssh/sshd_config"), blockChanged)
	hasFlag := m.enabled() && strings.Contains(m.read(dropIn), ownFlag)
	require.Equal(m.t, isChanged, !strings.HasSuffix(m.read("/etc/ssh/sshd_config"), blockOfAWS))
	return map[string]string{
		rowSettings + f.name: settings,
		rowFlags:             words(hasFlag, "stay", words(again, "are gone", "go")),
		rowRuns:              words(m.enabled(), words(again, "begins again", "stays"), "ends"),
		rowMatch:             words(isChanged, words(again, "name it again", "stay"), "are as before"),
		rowUser:              words(systemUser.FindString(m.read("/etc/passwd")) == account, "stays", "goes"),
	}
}

func TestUpgradeAndRemovalKeepWhatTheTableSays(t *testing.T) {
	steps, table := survivalTable(t)
	require.Equal(t, []string{"upgrade", "removal", "installed again", "purge (Debian)"}, steps)
	seen := map[string]bool{rowSettings + "on Arch": true} // checked by TestArchPackageInstallsUpgradesAndIsRemoved
	for _, f := range lifeCycles() {
		t.Run(f.name, func(t *testing.T) {
			m := f.start(t)
			do := []func(m machine){f.upgrade, f.remove, f.again, f.purge}

			f.installOld(m)
			m.must("/usr/bin/eic", "disable")
			for i, step := range do {
				if step != nil {
					step(m)
					is := map[bool]string{true: "ends", false: "stays"}[m.enabled()]
					require.Equal(t, table[rowDisabled][i], is, "%s: %s", steps[i], rowDisabled)
				}
			}
			seen[rowDisabled] = true
			if f.purge == nil {
				f.remove(m)
			}

			m.write("/etc/ssh/sshd_config", m.read("/etc/ssh/sshd_config")+blockOfAWS)
			f.installOld(m)
			m.write(settingsFile, ownSettings)
			m.must("/usr/bin/eic", "enable", ownFlag)
			account := systemUser.FindString(m.read("/etc/passwd"))
			require.NotEmpty(t, account)
			for i, step := range do {
				if step == nil {
					continue
				}
				step(m)
				for row, is := range m.observed(f, steps[i], account) {
					require.Contains(t, table, row)
					require.Equal(t, table[row][i], is, "%s: %s", steps[i], row)
					seen[row] = true
				}
			}
		})
	}
	for row := range table {
		require.True(t, seen[row], "no test checks the row %q", row)
	}
}
