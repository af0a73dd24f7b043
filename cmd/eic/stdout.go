package main

import (
	"io"
	"os"
)

// colorful is a writer to somebody who likes colors.
type colorful struct{ io.Writer }

// newStdout takes from the environment what may steer how things look, and
// never what they are: a terminal is colorful unless NO_COLOR says otherwise
// (https://no-color.org) or TERM says that it cannot be.
func newStdout(getenv func(string) string, stdout *os.File) io.Writer {
	info, err := stdout.Stat()
	kind := getenv("TERM")
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || getenv("NO_COLOR") != "" || kind == "" || kind == "dumb" {
		return stdout
	}
	return colorful{stdout}
}
