//go:build packages

package packages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// lintian must not report anything, not even information. Each override is in the source of
// the packages, with its reason.
func TestLintianReportsNothing(t *testing.T) {
	require.Empty(t, open(t, "tools").must("lintian --display-info --pedantic --fail-on error,warning /made/new/*.deb"))
}

func TestRpmlintReportsNothing(t *testing.T) {
	require.Contains(t, open(t, "tools").must("rpmlint --rpmlintrc /src/rpm/rpmlintrc /made/new/*.rpm"), "5 packages and 0 specfiles checked; 0 errors, 0 warnings,")
}

func TestShellcheckReportsNothing(t *testing.T) {
	open(t, "tools").must(`
		shellcheck /src/deb/preinst /src/deb/postinst /src/deb/prerm /src/packaging/apk/* /src/packaging/install.sh /src/packaging/ssm/*.sh
		shellcheck /src/packaging/version /src/packaging/sign /src/packaging/repository
		shellcheck --shell=sh /src/rpm/post /src/rpm/preun /src/rpm/selinux-post /src/rpm/selinux-postun /src/packaging/archlinux/*
		shellcheck --shell=bash /src/packaging/completions/eic.bash`)
}

func TestManualsRenderWithVersionAndDate(t *testing.T) {
	w := open(t, "tools")
	require.Empty(t, w.must(`
		for page in /src/build/stage/man/*.gz; do
			zcat "$page" > page
			man --warnings --local-file page 2>&1 >/dev/null
			mandoc -T lint -W warning page || true
			zcat "$page" | grep -qE '^.TH [a-z.-]+ [158] [0-9]{4}-[0-9]{2}-[0-9]{2} "eic [0-9]+[.][0-9]+[.][0-9][^"]*" "' || echo "$page has no day or version"
		done`))
}

func TestYamllintReportsNothing(t *testing.T) {
	const config = `{extends: default, rules: {line-length: disable, document-start: disable, ` +
		`truthy: {check-keys: false}, comments: {min-spaces-from-content: 1, ignore: [cloud-init.yaml]}}}` // its first line is "#cloud-config"
	open(t, "tools").must("cd /src/packaging && yamllint --strict --config-data '" + config + "' *.yaml ami/*.yaml ansible ../.github")
}

func TestCloudInitSchemaAcceptsTheUserData(t *testing.T) {
	open(t, "tools").must("cloud-init schema --config-file /src/packaging/ami/cloud-init.yaml")
}

func TestPackerValidatesTheTemplate(t *testing.T) {
	// This version of packer has the plugin built in and cannot install plugins.
	open(t, "packer").must(`
		packer fmt -check -diff /src/packaging/ami/packer
		cd /src/packaging/ami/packer
		packer validate -var base=al2023-ami-2023.*-x86_64 -var packages=/made/new eic.pkr.hcl
		! packer validate -var base=al2023-ami-2023.*-x86_64 -var packages=/nowhere eic.pkr.hcl`)
}
