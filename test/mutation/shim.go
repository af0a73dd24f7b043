package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// realGo is the environment variable that has the path of the real go command.
const realGo = "MUTATION_GO"

// slow matches tests that measure time or take long. They are skipped: on a busy machine,
// they could fail for another reason than the change.
const slow = "^(TestHostileDocumentsTakeLinearTime|TestEnclosedCertificateWithAHugeKeyIsNotUsed|TestFlippingAnyBitOfAStapleIsRefused|TestFlippingAnyBitOfACertificateIsRefused)$"

// memory is the most that the tests of a change may use, in bytes. A change may turn a loop
// into one that never ends and always grows.
const memory = 4 << 30

// shimEnvironment links this program as "go" in a directory, and returns an environment in
// which that is the go command.
func shimEnvironment(dir string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	real, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(self, filepath.Join(dir, "go")); err != nil {
		return nil, err
	}
	return append(os.Environ(), realGo+"="+real, "PATH="+dir+":"+os.Getenv("PATH")), nil
}

// shim runs as the go command for gremlins and returns its exit status.
func shim(args []string, stdout, stderr io.Writer) int {
	isTest := len(args) > 0 && args[0] == "test"
	if isTest {
		args = slices.Insert(slices.Clone(args), 1, "-vet=off", "-count=1", "-trimpath", "-ldflags=-s -w", "-skip="+slow)
	}
	profile := ""
	if i := slices.Index(args, "-coverprofile"); i >= 0 {
		profile = args[i+1]
	} else if isTest {
		if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: memory, Max: memory}); err != nil {
			fmt.Fprintln(stderr, err)
			return 3
		}
	}
	var said bytes.Buffer
	command := exec.Command(os.Getenv(realGo), args...)
	command.Stdout, command.Stderr = io.MultiWriter(stdout, &said), stderr
	err := command.Run()
	if err == nil && profile != "" {
		err = coverAll(profile)
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case bytes.Contains(said.Bytes(), []byte("[build failed]")):
		return 2 // to gremlins, a change that does not compile
	case errors.As(err, &exit):
		return 1
	}
	fmt.Fprintln(stderr, err)
	return 3
}

// coverAll changes a coverage profile to say that all of each file in it was run.
func coverAll(profile string) error {
	text, err := os.ReadFile(profile)
	if err != nil {
		return err
	}
	return os.WriteFile(profile, []byte(coverFiles(string(text))), 0o600)
}

func coverFiles(profile string) string {
	var b strings.Builder
	seen := map[string]bool{}
	for lines := bufio.NewScanner(strings.NewReader(profile)); lines.Scan(); {
		file, _, isBlock := strings.Cut(lines.Text(), ".go:")
		if !isBlock {
			fmt.Fprintln(&b, lines.Text())
			continue
		}
		if !seen[file] {
			fmt.Fprintf(&b, "%s.go:1.1,99999.1 1 1\n", file)
		}
		seen[file] = true
	}
	return b.String()
}
