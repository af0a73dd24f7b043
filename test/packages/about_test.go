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

// publisher returns the value of a variable of packages.mk, such as MAINTAINER or VENDOR.
func publisher(t *testing.T, variable string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "packaging/packages.mk"))
	require.NoError(t, err)
	value := regexp.MustCompile(`(?m)^` + variable + ` +\?= (.*)$`).FindStringSubmatch(string(text))
	require.NotNil(t, value, variable)
	return value[1]
}

// Packages of every format have the maintainer, vendor and home page of packages.mk, if the
// format has a field for them, and a summary of one line for package lists.
func TestPackagesHaveMaintainerVendorHomePageAndSummary(t *testing.T) {
	maintainer, vendor, homepage := publisher(t, "MAINTAINER"), publisher(t, "VENDOR"), publisher(t, "HOMEPAGE")
	w := open(t, "tools")
	for name, summary := range map[string]string{
		"eic":     "EC2 Instance Connect for the instance",
		"eic-sim": "simulator of AWS for tests of EC2 Instance Connect",
	} {
		t.Run(name, func(t *testing.T) {
			deb := w.must("dpkg-deb --field /made/new/" + name + "_*_amd64.deb Maintainer Homepage Description")
			require.Contains(t, deb, "Maintainer: "+maintainer+"\nHomepage: "+homepage+"\nDescription: "+summary+"\n eic")
			rpm := w.must(`rpm -q --qf '%{PACKAGER}\n%{VENDOR}\n%{URL}\n%{SUMMARY}\n%{DESCRIPTION}\n' -p /made/new/` + name + "-[0-9]*.x86_64.rpm")
			require.Equal(t, []string{maintainer, vendor, homepage}, strings.Split(rpm, "\n")[:3])
			require.Equal(t, strings.ToLower(summary), strings.ToLower(strings.Split(rpm, "\n")[3]))
			require.Contains(t, rpm, "\neic")

			control, _, _ := readAPK(t, file(t, "new/"+name+`_[0-9].*_x86_64\.apk`))
			require.Contains(t, control[".PKGINFO"].text, "\npkgdesc = "+summary+"\nurl = "+homepage+"\nmaintainer = "+maintainer+"\n")
			arch := w.must("tar --zstd -xOf /made/new/" + name + "-[0-9]*-x86_64.pkg.tar.zst .PKGINFO")
			require.Contains(t, arch, "\npkgdesc = "+summary+"\n")
			require.Contains(t, arch, "\nurl = "+homepage+"\n")
			require.Contains(t, arch, "\npackager = "+maintainer+"\n")
		})
	}
}
