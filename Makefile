# eic: EC2 Instance Connect for the instance. "make help" lists the targets.

VERSION := $(or $(shell packaging/version),$(error there is no version to build, see above))
COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
TOOLS   := $(CURDIR)/.tools
GODIRS  := cmd internal packaging test
# IMDS speaks HTTP/1.1; the tag leaves HTTP/2 out of what is linked.
GOBUILD := CGO_ENABLED=0 go build -trimpath -tags nethttpomithttp2 -ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)'
# Many tests wait, for a login or a deadline, so one package more runs than there are processors.
GOTEST  := CGO_ENABLED=0 go test -vet=off -p $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# What each is for is in docs/reference/dependencies.md.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
CDXGEN        := @cyclonedx/cdxgen@12.8.4
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.8.0
GREMLINS      := github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0
BENCHSTAT     := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# How long a fuzz target runs; how many worlds the oracles compare, and from which seed.
T ?= 60s
N ?= 10000
SEED ?= 1

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 16

.PHONY: build
build: ## build/eic and build/eic-sim, static and stripped
	$(GOBUILD) -o build/eic ./cmd/eic
	$(GOBUILD) -o build/eic-sim ./cmd/eic-sim

.PHONY: demo
demo: ## show logins on this machine: push a key, log in, see refusals
	@test/setup demo
	@CGO_ENABLED=0 go run ./test/demo

.PHONY: try
try: ## a shell with a simulated AWS and an instance, for AWS's own command line (root)
	@test/setup demo
	@CGO_ENABLED=0 go run ./test/demo --shell

.PHONY: check
check: vet ## before every commit: tests that need no root, no network and no tool but Go
	$(GOTEST) -short ./...

.PHONY: vet
vet: ## gofmt and go vet
	@test -z "$$(gofmt -l $(GODIRS))" || { echo "not formatted; run: gofmt -w $(GODIRS)" >&2; exit 1; }
	CGO_ENABLED=0 go vet ./...

# With CI=true, a test whose tool is missing fails instead of being skipped.
.PHONY: test
test: vet ## every test except those of the packages (root; installs their tools)
	@test/setup test
	CI=true $(GOTEST) -count=1 ./...
	test/fuzz 3s

.PHONY: docs
docs: ## update the transcripts and test vectors in docs/ (those of real hosts need root)
	CGO_ENABLED=0 go test -count=1 ./test/transcripts ./test/doctor ./test/e2e -run TestTranscripts -update
	CGO_ENABLED=0 go test -count=1 ./test/vectors -run Simulator -update

.PHONY: race
race: ## the tests of the packages, under the race detector
	CGO_ENABLED=1 go test -race -count=1 ./internal/...

.PHONY: fuzz
fuzz: ## each fuzz target for T=60s
	test/fuzz $(T)

.PHONY: mutation
mutation: $(TOOLS)/gremlins ## faults that the tests of the deciding packages would not notice (root)
	CI=true CGO_ENABLED=0 go run ./test/mutation $(TOOLS)/gremlins

.PHONY: differential
differential: ## compare N=10000 generated worlds, from SEED=1 on, with openssl
	CGO_ENABLED=0 go test -count=1 -timeout 60m -v -run TestEicPrintsNoKeyThatOpenSSLRefuses ./test/differential -worlds $(N) -seed $(SEED)

.PHONY: load
load: ## many concurrent runs and logins; all must succeed (root)
	@test/setup test
	CGO_ENABLED=0 go run ./test/load

.PHONY: bench
bench: $(TOOLS)/benchstat ## compare eic with a program that only sends the requests (root; a quiet machine)
	@test/setup bench
	CGO_ENABLED=0 go test -run '^$$' -bench . -benchtime 0.2s -count 6 ./test/guard | $(TOOLS)/benchstat -
	CGO_ENABLED=0 go run ./test/bench

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## golangci-lint, with staticcheck and vet; vet as on a Mac
	$(TOOLS)/golangci-lint run ./...
	GOOS=darwin CGO_ENABLED=0 go vet ./...
	GOOS=darwin CGO_ENABLED=0 go build ./...

.PHONY: vulncheck
vulncheck: $(TOOLS)/govulncheck ## known vulnerabilities in linked code
	test/vulncheck $(TOOLS)/govulncheck

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) CGO_ENABLED=0 go install $(GOLANGCI_LINT)

$(TOOLS)/benchstat:
	GOBIN=$(TOOLS) CGO_ENABLED=0 go install $(BENCHSTAT)

$(TOOLS)/gremlins:
	GOBIN=$(TOOLS) CGO_ENABLED=0 go install $(GREMLINS)

$(TOOLS)/govulncheck:
	GOBIN=$(TOOLS) CGO_ENABLED=0 go install $(GOVULNCHECK)

include packaging/packages.mk

.PHONY: release
release: packages sbom ## all published files, signed with SIGNING_KEY= and APK_KEY=
	install -m 644 $(BOM) $(PACKAGES)/eic-$(VERSION).cdx.json
	$(SUMS)
	@$(MAKE) --no-print-directory unsigned

BOM := build/eic.cdx.json
.PHONY: sbom
sbom: ## build/eic.cdx.json, the bill of materials in CycloneDX
	mkdir -p build
	npx --yes $(CDXGEN) --type go --no-install-deps --spec-version 1.6 --output $(BOM) . >/dev/null
	go run ./test/supplychain/checkbom $(BOM)

.PHONY: clean
clean: ## remove built files
	rm -rf build .tools
