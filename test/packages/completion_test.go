//go:build packages

package packages

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// completers returns a script for each shell. The script prints the completions that the
// shell offers for the command line in $1.
func completers() map[string]string {
	return map[string]string{
		"bash": `bash -uc '
			. /usr/share/bash-completion/completions/eic
			read -ra COMP_WORDS <<<"$1"
			[[ $1 == *" " ]] && COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			_eic eic "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
			printf "%s\n" "${COMPREPLY[@]}"' bash "$1"`,
		"fish": `fish -c 'complete -C "$argv[1]"' "$1" | cut -f 1`,
		// zsh completes only on a terminal. It gets a pseudo-terminal, and writes the
		// completions to a file.
		"zsh": `zsh -f -c '
			zmodload zsh/zpty
			zpty shell zsh -f -i
			zpty -w shell "autoload -Uz compinit; compinit -u -D"
			zpty -w shell "compadd() { local -a w; builtin compadd -O w \"\$@\"; print -rl -- \$w >> found; builtin compadd \"\$@\" }"
			zpty -w shell "print REA\"\"DY"
			zpty -r shell _ "*READY*"
			zpty -w -n shell "$1$(printf "\t")"
			for ((i = 0; i < 200; i++)) { sleep 0.05; [[ -s found ]] && break }
			sleep 0.5
			zpty -d shell
			cat found' zsh "$1"`,
	}
}

// complete returns the completions that a shell offers for a command line.
func (w workshop) complete(shell, line string) []string {
	w.t.Helper()
	out := w.must("rm -f found; set -- '" + line + "'\n" + completers()[shell])
	found := strings.Fields(out)
	slices.Sort(found)
	return slices.Compact(found)
}

func matches(expression, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestShellsCompleteEveryCommandAndFlag(t *testing.T) {
	for shell := range completers() {
		t.Run(shell, func(t *testing.T) {
			w := open(t, "tools")
			w.asRoot("dpkg --force-depends -i /made/new/eic_*_amd64.deb")
			commands := matches(`(?m)^  ([a-z][a-z-]*) +\S`, w.must("eic help"))
			require.Equal(t, commands, w.complete(shell, "eic "))
			require.Equal(t, []string{"version"}, w.complete(shell, "eic vers"))
			for _, command := range commands {
				if command == "policy" {
					command = "policy test"
				}
				flags := append(matches(`(?m)^ +(?:-., )?(--[a-z][a-z0-9-]*)`, w.must("eic "+command+" --help")), "--help")
				slices.Sort(flags)
				require.Equal(t, flags, w.complete(shell, "eic "+command+" --"))
			}
			require.Equal(t, []string{"stderr", "syslog"}, w.complete(shell, "eic authorized-keys --log "))
			require.Subset(t, w.complete(shell, "eic authorized-keys --trust-anchors "), []string{"auto", "system"})
			require.Contains(t, w.complete(shell, "eic authorized-keys "), "nobody")
			require.Equal(t, []string{"test"}, w.complete(shell, "eic policy "))
			require.Contains(t, w.complete(shell, "eic policy test "), "nobody")
			for line, found := range map[string]string{
				"eic authorized-keys --config /etc/pass": "passwd",
				"eic verify --keys /etc/pass":            "passwd",
				"eic enable --restore /etc/pass":         "passwd",
				"eic explain --save /et":                 "etc",
				"eic verify --ocsp /et":                  "etc",
				"eic verify /et":                         "etc",
				"eic explain nobo":                       "nobody",
				"eic doctor --user nobo":                 "nobody",
				"eic authorized-keys --run-as nobo":      "nobody",
				"eic policy test --allow-user nobo":      "nobody",
				"eic policy test nobo":                   "nobody",
				"eic policy te":                          "test",
			} {
				require.Contains(t, strings.Join(w.complete(shell, line), " "), found, line)
			}
			// --ocsp takes a directory, so no file is offered.
			require.NotContains(t, strings.Join(w.complete(shell, "eic verify --ocsp /etc/pass"), " "), "passwd")
		})
	}
}
