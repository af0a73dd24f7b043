# make packages       everything that is installed, in build/packages
# make ssm-package    the Distributor package for AWS Systems Manager, in build/ssm
# make test-packages  installs, upgrades and removes them (root; debootstrap)
#
# Two builds of one commit are the same, byte for byte: no time, host or path
# of the build gets in.

VERSION           := $(or $(VERSION),$(shell sed -n 's/^- semver: \(.*\)-.*/\1/p' packaging/changelog.yaml | head -n 1))
RELEASE           := $(or $(RELEASE),$(shell sed -n 's/^- semver: .*-//p' packaging/changelog.yaml | head -n 1))
COMMIT            := $(or $(COMMIT),$(shell git rev-parse HEAD))
SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct))
MAINTAINER        := $(or $(MAINTAINER),eic maintainers <maintainers@eic.invalid>)
export VERSION RELEASE SOURCE_DATE_EPOCH MAINTAINER

NFPM     := $(CURDIR)/.tools/bin/nfpm
MD2MAN   := $(CURDIR)/.tools/bin/go-md2man
PACKAGES := build/packages
STAGE    := build/stage
ARCHES   := amd64 arm64
MANUALS  := $(patsubst packaging/man/%.md,$(STAGE)/man/%.gz,$(wildcard packaging/man/*.md))
SCRIPTS  := $(patsubst packaging/apk/%,$(STAGE)/apk/%,$(wildcard packaging/apk/*))

.PHONY: packages ssm-package test-packages FORCE

packages: $(addprefix packages-,$(ARCHES)) $(NFPM)
	$(NFPM) package -f packaging/nfpm-selinux.yaml -p rpm -t $(PACKAGES)

# Go knows what has to be built again.
$(STAGE)/%/eic $(STAGE)/%/eic-sim &: FORCE
	CGO_ENABLED=0 GOOS=linux GOARCH=$* go build -trimpath -buildvcs=false \
	    -ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)' \
	    -o $(STAGE)/$*/ ./cmd/eic ./cmd/eic-sim

.PHONY: $(addprefix packages-,$(ARCHES))
$(addprefix packages-,$(ARCHES)): packages-%: $(STAGE)/%/eic $(MANUALS) $(SCRIPTS) $(NFPM)
	mkdir -p $(PACKAGES)
	set -e; for format in deb rpm apk archlinux; do for file in nfpm nfpm-sim; do \
	    ARCH=$* $(NFPM) package -f packaging/$$file.yaml -p $$format -t $(PACKAGES); \
	done; done
	rm -rf $(STAGE)/eic-$(VERSION)-linux-$*
	install -D -m 755 -t $(STAGE)/eic-$(VERSION)-linux-$* $(STAGE)/$*/eic
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$* LICENSE packaging/copyright packaging/sysusers.d/eic.conf
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$*/man $(STAGE)/man/*.8.gz
	install -D -m 644 -t $(STAGE)/eic-$(VERSION)-linux-$*/completions packaging/completions/*
	tar --create --sort=name --format=ustar --owner=root:0 --group=root:0 --mode=u=rwX,go=rX --mtime=@$(SOURCE_DATE_EPOCH) \
	    --directory=$(STAGE) eic-$(VERSION)-linux-$* | gzip -9n > $(PACKAGES)/eic-$(VERSION)-linux-$*.tar.gz

$(STAGE)/man/%.gz: packaging/man/%.md $(MD2MAN)
	mkdir -p $(@D)
	$(MD2MAN) -in=$< | gzip -9n > $@

# An apk has its scripts' own times.
$(STAGE)/apk/%: packaging/apk/% FORCE
	install -D -m 755 $< $@
	touch -d @$(SOURCE_DATE_EPOCH) $@

$(NFPM):
	GOBIN=$(@D) GOFLAGS=-trimpath CGO_ENABLED=0 go install github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2

$(MD2MAN):
	GOBIN=$(@D) GOFLAGS=-trimpath CGO_ENABLED=0 go install github.com/cpuguy83/go-md2man/v2@v2.0.7
