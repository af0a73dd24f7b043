package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestColorsOnlyOnATerminal(t *testing.T) {
	terminal, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	require.NoError(t, err)
	defer func() { _ = terminal.Close() }()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for name, try := range map[string]struct {
		stdout  *os.File
		noColor string
		term    string
		want    bool
	}{
		"a terminal":                 {terminal, "", "xterm", true},
		"a terminal, with NO_COLOR":  {terminal, "1", "xterm", false},
		"a terminal, with TERM=dumb": {terminal, "", "dumb", false},
		"a terminal, without TERM":   {terminal, "", "", false},
		"a file":                     {file, "", "xterm", false},
	} {
		t.Run(name, func(t *testing.T) {
			environment := map[string]string{"NO_COLOR": try.noColor, "TERM": try.term}
			_, colors := newStdout(func(name string) string { return environment[name] }, try.stdout).(colorful)
			require.Equal(t, try.want, colors)
		})
	}
}
