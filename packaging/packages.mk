# Packages and what is made of them. The Makefile includes this; VERSION, COMMIT,
# GOBUILD and TOOLS are its.
#
# Two builds of one commit are the same, byte for byte: no time, host or path
# of the build gets in. All that is packaged is as old as its version.

RELEASE           := 1
# Whoever publishes packages says here who they are, or in the environment.
MAINTAINER        ?= eic maintainers <maintainers@eic.invalid>
VENDOR            ?= eic maintainers
HOMEPAGE          ?= https://eic.invalid/
SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell date --utc +%s --date "$$(sed -n 's/^## \[[0-9.]*\] - //p' CHANGELOG.md | head -n 1)"))
export VERSION RELEASE MAINTAINER VENDOR HOMEPAGE SOURCE_DATE_EPOCH

NFPM     := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
MD2MAN   := github.com/cpuguy83/go-md2man/v2@v2.0.7
PACKAGES := build/packages
STAGE    := build/stage
MANUALS  := $(patsubst packaging/man/%.md,$(STAGE)/man/%.gz,$(wildcard packaging/man/*.md))
SCRIPTS  := $(patsubst packaging/apk/%,$(STAGE)/apk/%,$(wildcard packaging/apk/*))
# An apk and an Arch package have one line for what they are, others have all of it.
ABOUT    := test "$$format" = deb -o "$$format" = rpm && lines=99 || lines=1; head -n $$lines
.PHONY: FORCE

.PHONY: packages
packages: packages-amd64 packages-arm64 ## deb, rpm, apk, Arch package and tarball, in build/packages
	$(TOOLS)/nfpm package -f packaging/nfpm-selinux.yaml -p rpm -t $(PACKAGES)
	install -m 755 packaging/install.sh $(PACKAGES)
	find $(PACKAGES) -type f ! -name '*[_-]$(VERSION)-*' ! -name install.sh -delete
	cd $(PACKAGES) && sha256sum * > $(CURDIR)/$(STAGE)/SHA256SUMS
	mv $(STAGE)/SHA256SUMS $(PACKAGES)

.PHONY: ssm-package
ssm-package: packages ## the package for AWS Systems Manager Distributor, in build/ssm
	rm -rf build/ssm
	go run ./packaging/ssm/distributor $(VERSION) $(PACKAGES) build/ssm

.PHONY: test-packages
test-packages: ## installs, upgrades and removes the packages in Debian roots (root; debootstrap)
	@test/setup packages
	go vet -tags packages ./packaging/... ./test/packages ./test/openssh ./test/clients
	CGO_ENABLED=0 go test -tags packages -count=1 -timeout 60m ./packaging/... ./test/packages ./test/openssh ./test/clients

.PHONY: packages-amd64 packages-arm64
packages-amd64 packages-arm64: packages-%: $(STAGE)/%/eic $(MANUALS) $(SCRIPTS) $(TOOLS)/nfpm
	mkdir -p $(PACKAGES)
	set -e; for format in deb rpm apk archlinux; do for config in nfpm nfpm-sim; do \
	    ARCH=$* ABOUT="$$($(ABOUT) packaging/$$config.about)" $(TOOLS)/nfpm package -f packaging/$$config.yaml -p $$format -t $(PACKAGES); \
	done; done
	rm -rf $(STAGE)/eic-$(VERSION)-linux-$*
	install -D -m 755 -t $(STAGE)/eic-$(VERSION)-linux-$* $(STAGE)/$*/eic
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$* LICENSE packaging/copyright packaging/sysusers.d/eic.conf
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$*/man $(STAGE)/man/*.8.gz $(STAGE)/man/*.5.gz
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$*/completions packaging/completions/*
	tar --create --sort=name --format=ustar --owner=root:0 --group=root:0 --mode=u=rwX,go=rX --mtime=@$(SOURCE_DATE_EPOCH) \
	    --directory=$(STAGE) eic-$(VERSION)-linux-$* | gzip -9n > $(PACKAGES)/eic-$(VERSION)-linux-$*.tar.gz

# Go knows what has to be built again.
$(STAGE)/%/eic $(STAGE)/%/eic-sim &: FORCE
	GOOS=linux GOARCH=$* GOFLAGS=-buildvcs=false $(GOBUILD) -o $(STAGE)/$*/ ./cmd/eic ./cmd/eic-sim

$(STAGE)/man/%.gz: packaging/man/%.md $(TOOLS)/go-md2man FORCE
	mkdir -p $(@D)
	sed '1s/DATE/$(shell date --utc +%F --date @$(SOURCE_DATE_EPOCH))/; 1s/VERSION/$(VERSION)/' $< | $(TOOLS)/go-md2man | gzip -9n > $@

# An apk takes over its scripts' own times.
$(STAGE)/apk/%: packaging/apk/% FORCE
	install -D -m 755 $< $@
	touch -d @$(SOURCE_DATE_EPOCH) $@

$(TOOLS)/nfpm:
	GOBIN=$(TOOLS) GOFLAGS=-trimpath CGO_ENABLED=0 go install $(NFPM)

$(TOOLS)/go-md2man:
	GOBIN=$(TOOLS) GOFLAGS=-trimpath CGO_ENABLED=0 go install $(MD2MAN)
