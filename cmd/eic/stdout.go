package main

import (
	"io"
	"os"
)

// colorful is a writer to a terminal that shows colors.
type colorful struct{ io.Writer }

// newStdout returns the writer for standard output. The environment may affect its
// appearance only: a terminal is colorful unless NO_COLOR is set (https://no-color.org)
// or TERM does not support color.
func newStdout(getenv func(string) string, stdout *os.File) io.Writer {
	info, err := stdout.Stat()
	kind := getenv("TERM")
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || getenv("NO_COLOR") != "" || kind == "" || kind == "dumb" {
		return stdout
	}
	return colorful{stdout}
}
