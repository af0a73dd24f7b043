# Packages and what is made of them. The Makefile includes this; VERSION, COMMIT,
# GOBUILD and TOOLS are its.
#
# Two builds of one commit are the same, byte for byte: no time, host or path
# of the build gets in. All that is packaged is as old as its commit. Signatures
# are added to that where SIGNING_KEY or APK_KEY is set, and have a time in them.
#
# SIGNING_KEY is a file with an OpenPGP private key: it signs the deb and rpm
# packages, the sums and the repositories. RPM 4.14 and older know no keys but RSA.
# APK_KEY is a file with an RSA private key in PEM, for apk. NFPM_PASSPHRASE opens
# them, if they have a passphrase.

RELEASE           := 1
# Whoever publishes packages says here who they are, or in the environment.
MAINTAINER        ?= eic maintainers <maintainers@eic.invalid>
VENDOR            ?= eic maintainers
HOMEPAGE          ?= https://eic.invalid/
SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),$(shell date --utc +%s --reference CHANGELOG.md))
# Recipes change directories.
SIGNING_KEY       := $(abspath $(SIGNING_KEY))
APK_KEY           := $(abspath $(APK_KEY))
export VERSION RELEASE MAINTAINER VENDOR HOMEPAGE SOURCE_DATE_EPOCH SIGNING_KEY APK_KEY

NFPM     := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
MD2MAN   := github.com/cpuguy83/go-md2man/v2@v2.0.7
PACKAGES := build/packages
STAGE    := build/stage
MANUALS  := $(patsubst packaging/man/%.md,$(STAGE)/man/%.gz,$(wildcard packaging/man/*.md))
SCRIPTS  := $(patsubst packaging/apk/%,$(STAGE)/apk/%,$(wildcard packaging/apk/*))
# The description of an apk and an Arch package is one line, that of others the whole file.
ABOUT    := test "$$format" = deb -o "$$format" = rpm && lines=99 || lines=1; head -n $$lines
LOGS     := $(foreach package,eic eic-sim,$(STAGE)/doc/$(package)/changelog.Debian.gz) $(STAGE)/changelog.yaml
.PHONY: FORCE

# The checksums of all published files, signed if there is a key.
define SUMS
cd $(PACKAGES) && rm -f SHA256SUMS SHA256SUMS.asc && sha256sum * > $(CURDIR)/$(STAGE)/SHA256SUMS
mv $(STAGE)/SHA256SUMS $(PACKAGES)
$(if $(SIGNING_KEY),packaging/sign $(SIGNING_KEY) detached $(PACKAGES)/SHA256SUMS $(PACKAGES)/SHA256SUMS.asc)
endef

.PHONY: unsigned
unsigned: ## says which files are not signed because a key is missing
	@:
	@$(if $(SIGNING_KEY),,echo "not signed: deb, rpm and Arch packages, SHA256SUMS; set SIGNING_KEY to a file with an OpenPGP private key" >&2)
	@$(if $(APK_KEY),,echo "not signed: apk packages; set APK_KEY to a file with an RSA private key in PEM" >&2)

.PHONY: packages
packages: packages-amd64 packages-arm64 ## deb, rpm, apk, Arch package and tarball, in build/packages
	cat packaging/nfpm-selinux.yaml $(STAGE)/rpm.yaml | $(TOOLS)/nfpm package -f - -p rpm -t $(PACKAGES)
	install -m 755 packaging/install.sh $(PACKAGES)
	$(if $(SIGNING_KEY),set -e; for file in $(PACKAGES)/*.pkg.tar.zst; do packaging/sign $(SIGNING_KEY) binary $$file $$file.sig; done)
	$(SUMS)

REPOSITORY ?= build/repository
.PHONY: repository
repository: packages ## adds the packages to an apt and a dnf repository in REPOSITORY=build/repository
	packaging/repository $(PACKAGES) $(REPOSITORY) $(SIGNING_KEY)

.PHONY: ssm-package
ssm-package: packages ## the package for AWS Systems Manager Distributor, in build/ssm
	rm -rf build/ssm
	go run ./packaging/ssm/distributor $(shell packaging/version ssm '$(VERSION)') $(PACKAGES) build/ssm

.PHONY: test-packages
test-packages: ## installs, upgrades and removes the packages in Debian roots (root; debootstrap)
	@test/setup packages
	go vet -tags packages ./packaging/... ./test/packages ./test/openssh ./test/clients
	CGO_ENABLED=0 go test -tags packages -count=1 -timeout 60m ./packaging/... ./test/packages ./test/openssh ./test/clients

.PHONY: packages-amd64 packages-arm64
packages-amd64 packages-arm64: packages-%: $(STAGE)/%/eic $(MANUALS) $(SCRIPTS) $(LOGS) $(TOOLS)/nfpm | empty-packages
	set -e; for format in deb rpm apk archlinux; do for config in nfpm nfpm-sim; do \
	    cat packaging/$$config.yaml $(STAGE)/$$format.yaml | \
	        VERSION=$$(packaging/version $$format '$(VERSION)') ARCH=$* ABOUT="$$($(ABOUT) packaging/$$config.about)" \
	        $(TOOLS)/nfpm package -f - -p $$format -t $(PACKAGES); \
	done; done
	rm -rf $(STAGE)/eic-$(VERSION)-linux-$*
	install -D -m 755 -t $(STAGE)/eic-$(VERSION)-linux-$* $(STAGE)/$*/eic
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$* LICENSE packaging/copyright packaging/sysusers.d/eic.conf
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$*/man $(STAGE)/man/*.8.gz $(STAGE)/man/*.5.gz
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$*/completions packaging/completions/*
	tar --create --sort=name --format=ustar --owner=root:0 --group=root:0 --mode=u=rwX,go=rX --mtime=@$(SOURCE_DATE_EPOCH) \
	    --directory=$(STAGE) eic-$(VERSION)-linux-$* | gzip -9n > $(PACKAGES)/eic-$(VERSION)-linux-$*.tar.gz

# Packages of another version must not be published with this one.
.PHONY: empty-packages
empty-packages:
	rm -rf $(PACKAGES)
	mkdir -p $(PACKAGES)

# Go itself decides what to build again.
$(STAGE)/%/eic $(STAGE)/%/eic-sim &: FORCE
	GOOS=linux GOARCH=$* GOFLAGS="$(GOFLAGS) -buildvcs=false" $(GOBUILD) -o $(STAGE)/$*/ ./cmd/eic ./cmd/eic-sim

$(STAGE)/man/%.gz: packaging/man/%.md $(TOOLS)/go-md2man FORCE
	mkdir -p $(@D)
	sed '1s/DATE/$(shell date --utc +%F --date @$(SOURCE_DATE_EPOCH))/; 1s/VERSION/$(VERSION)/' $< | $(TOOLS)/go-md2man | gzip -9n > $@

# nfpm does not wrap the lines of a deb's changelog, and supports none for apk and Arch.
$(STAGE)/doc/%/changelog.Debian.gz: CHANGELOG.md FORCE
	mkdir -p $(@D)
	go run ./packaging/changelog deb $* '$(VERSION)-$(RELEASE)' $(SOURCE_DATE_EPOCH) '$(MAINTAINER)' < $< | gzip -9n > $@

$(STAGE)/changelog.yaml: CHANGELOG.md FORCE
	mkdir -p $(@D)
	go run ./packaging/changelog rpm eic '$(VERSION)-$(RELEASE)' $(SOURCE_DATE_EPOCH) '$(MAINTAINER)' < $< > $@
	echo 'changelog: $@' > $(STAGE)/rpm.yaml
	touch $(addprefix $(STAGE)/,$(addsuffix .yaml,deb apk))
	printf '  packager: %s\n' '$(MAINTAINER)' > $(STAGE)/archlinux.yaml

# An apk contains the modification times of its scripts.
$(STAGE)/apk/%: packaging/apk/% FORCE
	install -D -m 755 $< $@
	touch -d @$(SOURCE_DATE_EPOCH) $@

$(TOOLS)/nfpm:
	GOBIN=$(TOOLS) GOFLAGS=-trimpath CGO_ENABLED=0 go install $(NFPM)

$(TOOLS)/go-md2man:
	GOBIN=$(TOOLS) GOFLAGS=-trimpath CGO_ENABLED=0 go install $(MD2MAN)
