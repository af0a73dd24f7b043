package sshd

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
)

// A Runner runs a program inside a Host's root and returns its output. The name is an
// absolute path in that root. The error is not nil if the program could not be run or its
// exit status is not 0.
type Runner func(ctx context.Context, name string, args ...string) (stdout, stderr []byte, err error)

// Exec returns the Runner that executes programs, with chroot(2) unless root is /. Their
// environment is only a PATH and the C locale.
func Exec(root string) Runner {
	return func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if root != "/" {
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		}
		err := cmd.Run()
		return stdout.Bytes(), stderr.Bytes(), err
	}
}

// Execute runs a program inside the host's root, with Run or Exec.
func (h Host) Execute(ctx context.Context, name string, args ...string) (stdout, stderr []byte, err error) {
	if h.Run == nil {
		return Exec(h.root())(ctx, name, args...)
	}
	return h.Run(ctx, name, args...)
}

// oneLine puts the output of a program on one line.
func oneLine(stderr []byte) string {
	lines := strings.FieldsFunc(string(stderr), func(r rune) bool { return r == '\r' || r == '\n' })
	return strings.Join(lines, "; ")
}

// missingDirectory returns the privilege separation directory that sshd reports as
// missing, or "".
func missingDirectory(stderr []byte) string {
	_, after, _ := bytes.Cut(stderr, []byte("Missing privilege separation directory: "))
	if directory := bytes.Fields(after); len(directory) != 0 && directory[0][0] == '/' {
		return string(directory[0])
	}
	return ""
}

// Test asks sshd whether its configuration is valid (sshd -t).
func (h Host) Test(ctx context.Context) error {
	_, err := h.sshd(ctx, "-t")
	return err
}

// program returns the path of sshd. Alpine calls its builds sshd.pam and sshd.krb5.
func (h Host) program() (string, bool) {
	return h.Tree().FirstExisting("/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd", "/usr/sbin/sshd.pam", "/usr/sbin/sshd.krb5")
}

// sshd runs sshd in one of its test modes. These modes need host keys and the privilege
// separation directory, which a machine lacks if it has never started sshd. The method
// creates what is missing for the test, and removes it afterwards.
func (h Host) sshd(ctx context.Context, args ...string) ([]byte, error) {
	program, found := h.program()
	if !found {
		return nil, fmt.Errorf("looking for /usr/sbin/sshd: %w", ErrNoServer)
	}
	if h.file != "" {
		args = append(args, "-f", h.file)
	}
	command := strings.Join(append([]string{program}, args...), " ")
	var haveKey, haveDirectory bool
	for {
		stdout, stderr, err := h.Execute(ctx, program, args...)
		if err == nil {
			return stdout, nil
		}
		missing := missingDirectory(stderr)
		switch {
		case missing != "" && !haveDirectory:
			remove, err := h.temporaryDirectory(missing)
			if err != nil {
				return nil, fmt.Errorf("creating sshd's privilege separation directory: %w", err)
			}
			defer remove()
			haveDirectory = true
		case bytes.Contains(stderr, []byte("no hostkeys available")) && !haveKey:
			key, remove, err := h.temporaryKey()
			if err != nil {
				return nil, fmt.Errorf("creating a host key to test sshd with: %w", err)
			}
			defer remove()
			haveKey = true
			args = append(args, "-h", key)
		default:
			return nil, fmt.Errorf("running %s: %w: %q", command, err, oneLine(stderr))
		}
	}
}

// temporaryDirectory creates a directory and returns a function that removes it.
//
// If systemd runs the machine, the directory is kept. sshd's unit creates the same
// directory when it starts sshd, perhaps at this moment, and without it sshd refuses
// every login. The directory is in /run, so it disappears at the next boot.
func (h Host) temporaryDirectory(name string) (remove func(), err error) {
	t := h.Tree()
	var made []string
	remove = func() {
		for _, directory := range made {
			os.Remove(directory) //nolint:errcheck // a directory that is in use by now must stay
		}
	}
	var missing []string
	for directory := name; !t.Exists(directory); directory = path.Dir(directory) {
		missing = append([]string{directory}, missing...)
	}
	for _, directory := range missing {
		where := t.HostPath(t.Resolve(directory))
		if err := os.Mkdir(where, 0o755); err != nil {
			remove()
			return nil, err
		}
		made = append([]string{where}, made...)
	}
	if h.Booted() {
		return func() {}, nil
	}
	return remove, nil
}

// temporaryPrefix starts the name of a directory with a temporary host key.
const temporaryPrefix = ".eic-"

// temporaryKey writes a host key for sshd's test modes. No connection ever uses it. It is
// an ECDSA key because sshd accepts these in FIPS mode too.
func (h Host) temporaryKey() (name string, remove func(), err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", nil, err
	}
	block := &pem.Block{Type: "EC PRIVATE KEY", Bytes: der} // a format that every sshd reads
	var failures []error
	for _, parent := range []string{"/run", "/tmp", configDirectory} {
		directory, err := os.MkdirTemp(h.Tree().HostPath(h.Tree().Resolve(parent)), temporaryPrefix)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		remove = func() { os.RemoveAll(directory) } //nolint:errcheck // an unused key left behind is harmless
		if err := os.WriteFile(path.Join(directory, "key"), pem.EncodeToMemory(block), 0o600); err != nil {
			remove()
			return "", nil, err
		}
		return path.Join(parent, path.Base(directory), "key"), remove, nil
	}
	return "", nil, errors.Join(failures...)
}
