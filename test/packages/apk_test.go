//go:build packages

package packages

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// apkMember is a file or a directory of an apk.
type apkMember struct {
	header tar.Header
	text   string
}

// readAPK unpacks an apk: two concatenated gzip streams of one tar archive each. The first
// has the metadata for apk(8) (apk-package(5)). dataSum is the SHA-256 of the second.
func readAPK(t *testing.T, name string) (control map[string]apkMember, data []apkMember, dataSum string) {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	in := bufio.NewReader(bytes.NewReader(content))
	parts := make([][]apkMember, 2)
	for i := range parts {
		rest, err := io.ReadAll(in)
		require.NoError(t, err)
		dataSum = fmt.Sprintf("%x", sha256.Sum256(rest))
		in = bufio.NewReader(bytes.NewReader(rest))
		stream, err := gzip.NewReader(in)
		require.NoError(t, err)
		stream.Multistream(false)
		archive := tar.NewReader(stream)
		for {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			text, err := io.ReadAll(archive)
			require.NoError(t, err)
			parts[i] = append(parts[i], apkMember{*header, string(text)})
		}
		_, err = io.Copy(io.Discard, stream)
		require.NoError(t, err)
	}
	control = map[string]apkMember{}
	for _, member := range parts[0] {
		control[member.header.Name] = member
	}
	return control, parts[1], dataSum
}

// Debian has no apk, so the test unpacks the package and runs its scripts as apk does.
// Debian's busybox has no adduser, so stand-ins take the options of Alpine's.
func TestAPKInstallsLogsInAndIsRemoved(t *testing.T) {
	control, data, sum := readAPK(t, file(t, `new/eic_[0-9]\S*-r1_x86_64\.apk`))
	require.Contains(t, control[".PKGINFO"].text, "\npkgver = ")
	require.Contains(t, control[".PKGINFO"].text, "\ndatahash = "+sum+"\n")

	m := start(t, "trixie")
	m.must("/usr/bin/mv", "/usr/sbin/useradd", "/usr/local/sbin/shadow-useradd")
	m.must("/usr/bin/rm", "-f", "/usr/sbin/addgroup", "/usr/sbin/adduser") // each may be a link to the other
	m.script("/usr/sbin/addgroup", `[ "$*" = "-S _eic" ] && groupadd --system _eic`)
	m.script("/usr/sbin/adduser", `
		[ "$*" = "-S -D -H -h /nonexistent -s /usr/sbin/nologin -g EC2 Instance Connect -G _eic _eic" ]
		/usr/local/sbin/shadow-useradd --system --no-create-home --home-dir /nonexistent --shell /sbin/nologin --gid _eic _eic`)
	before := m.listing()
	for _, member := range data {
		name := "/" + member.header.Name
		if member.header.Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(m.Path(name), 0o755))
			continue
		}
		m.write(name, member.text)
		require.NoError(t, os.Chmod(m.Path(name), member.header.FileInfo().Mode()))
	}
	script := func(name string) {
		m.script("/run/apk-script", strings.TrimPrefix(control[name].text, "#!/bin/sh\n"))
		m.must("/bin/sh", "-c", "PATH=/usr/local/sbin:$PATH exec /run/apk-script")
	}
	script(".post-install")
	m.must("/usr/bin/eic", "doctor", "--offline")
	m.requireLogin()
	script(".pre-deinstall")
	for i := len(data) - 1; i >= 0; i-- {
		err := os.Remove(m.Path("/" + data[i].header.Name))
		require.True(t, err == nil || data[i].header.Typeflag == tar.TypeDir, "%v", err)
	}
	m.requireListing(before)
}

// script writes a shell script that exits at the first failed command.
func (m machine) script(name, text string) {
	m.t.Helper()
	m.write(name, "#!/bin/sh -e\n"+text+"\n")
	require.NoError(m.t, os.Chmod(m.Path(filepath.Clean(name)), 0o755))
}
