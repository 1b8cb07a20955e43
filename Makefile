# What one does with this repository. CI (.ci/run) calls these very targets.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
IMAGE   ?= source-intercom/source-intercom
ENGINE  ?= docker

# Pinned, so that a release of somebody else's does not turn our build red.
GOLANGCI_LINT_VERSION := v2.15.0

# What is installed for this repository lies outside of it.
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/source-intercom
PEERS ?= $(CACHE)/peers
LINT  := $(CACHE)/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint

# A release speaks HTTP/1.1 only: there is nothing to win from HTTP/2 here, and it weighs half a
# megabyte. The Dockerfile builds the same.
.PHONY: build
build: ## the static binary, into bin/
	CGO_ENABLED=0 go build -trimpath -tags nethttpomithttp2 -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/source-intercom

.PHONY: test
test: ## all tests that need Go alone
	go test ./...

.PHONY: race
race: ## the same on less data, watched by the race detector and in random order
	go test -race -short -shuffle=on -timeout 20m $(TESTFLAGS) ./...

.PHONY: chaos
SEEDS ?= 100
chaos: ## SEEDS random worlds, read through faults, edits and kills
	CHAOS_SEEDS=$(SEEDS) go test -count=1 -timeout 60m -run 'TestChaos$$' ./connector

.PHONY: kill
KILLS ?= 200
kill: ## KILLS processes killed at random moments, each resumed from its last state
	KILLS=$(KILLS) go test -count=1 -timeout 30m -v -run 'TestKill$$' ./cmd/source-intercom

.PHONY: lint
lint: $(LINT) ## formatting, vet, golangci-lint
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	go vet -tags peers ./...
	$(LINT) run --allow-parallel-runners ./...

$(LINT):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

.PHONY: bench
BENCH ?=
bench: build ## everything that docs/performance.md shows; BENCH=-quick for a first look
	go run ./bench -binary bin/source-intercom $(BENCH)

.PHONY: fuzz
FUZZTIME ?= 5s
fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz.sh $(FUZZTIME)

.PHONY: e2e
e2e: build ## Airbyte's models, Singer's tools, Meltano, and a change from the connectors in use
	.ci/peers.sh $(PEERS)
	PEERS=$(PEERS) CONNECTOR=$(CURDIR)/bin/source-intercom go test -tags peers -count=1 -timeout 20m -v ./e2e/

.PHONY: demo
demo: ## everything at work on an invented workspace; needs no token
	go run ./cmd/source-intercom demo

.PHONY: image
image: ## the container image
	$(ENGINE) build --build-arg VERSION=$(VERSION) -t $(IMAGE):$(VERSION) .

.PHONY: help
help:
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST)
