package packaging

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An administrator would believe that a setting is in force although the role has no
// variable for it, or its template leaves the setting out.
func TestAnsibleHasAVariableForEverySetting(t *testing.T) {
	const role = "ansible/roles/eic/"
	var settings, variables []string
	for _, flag := range words(flagInHelp, help(t, build(t, "eic"), "authorized-keys", "--help")) {
		name := strings.TrimPrefix(flag, "--")
		if name == "config" { // which cannot stand in eic.conf
			continue
		}
		settings = append(settings, name)
		variables = append(variables, "eic_"+strings.ReplaceAll(name, "-", "_"))
	}
	require.Equal(t, settings, words(`(?m)^  - ([a-z-]+)$`, read(t, role+"vars/main.yml")), "what the template writes")

	_, defaults, found := strings.Cut(read(t, role+"defaults/main.yml"), "\n# The settings of eic.conf(5)")
	require.True(t, found)
	require.Equal(t, variables, words(`(?m)^(eic_[a-z_]+):`, defaults))
	isSetting := func(variable string) bool { return slices.Contains(variables, variable) }
	described := words(`(?m)^      (eic_[a-z_]+):\n`, read(t, role+"meta/argument_specs.yml"))
	require.Equal(t, variables, slices.DeleteFunc(slices.Clone(described), func(v string) bool { return !isSetting(v) }))
	require.Equal(t, words(`(?m)^(eic_[a-z_]+):`, read(t, role+"defaults/main.yml")), described)
}
