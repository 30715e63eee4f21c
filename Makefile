# What can be run here. CI and the GitHub workflows run these targets and nothing else.

SHELL = bash
.SHELLFLAGS = -euo pipefail -c
.DEFAULT_GOAL = help
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' Makefile)

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1:/p' Makefile | awk -F: '{ printf "%-16s %s\n", $$1, substr($$0, length($$1) + 2) }'

build: ## build ./shardform
	go build -o shardform .

# Tests. .ci/go-test is go test, and fails for a test that was skipped as well.

test: ## all tests but those that kill the program (crash) or need a real Vitess (e2e); a sample of long matrices
	.ci/go-test -count=1 -timeout 30m ./...

short: ## the tests to run while you edit
	.ci/go-test -short ./...

race: ## the tests with the race detector, and walks of the program with it; smaller samples
	.ci/go-test -race -count=1 -timeout 30m ./...
	$(crash) -race -timeout 30m -run 'TestWalk$$' -walk.steps=30

crash: ## kill the program at crash points, let calls fail, walk at random; samples
	$(crash) -timeout 30m -walk.for=5m -walk.steps=30
crash = .ci/go-test -tags crash -count=1 ./tests/crash

nightly: matrices e2e-all e2e-legacy ## everything of which CI takes samples; hours

matrices: ## every cell of the matrices of which test and crash take samples; hours
	.ci/go-test -timeout 120m $(sampled) -sample.all
	$(crash) -timeout 240m -sample.all -walk.for=60m -walk.steps=30
sampled = $$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '/[ [][^ ]*internal\/sample[] ]/ { print $$1 }')

quickstart: ## the README's commands: reshard the example, after which nothing is left to do; make test is the other
	grep -F 'go run . apply --auto-approve examples/quickstart.hcl' README.md
	grep -F 'go test ./...' README.md
	go run . sandbox reset examples/quickstart.hcl
	rm -f examples/quickstart.shardform.db
	go run . apply --auto-approve examples/quickstart.hcl
	go run . apply --auto-approve examples/quickstart.hcl | grep -F 'No changes. Your keyspaces match the configuration.'

# Checks of the source and of what the program is made of.

tags = crash,e2e,failpoints
lint: ## formatting, go.mod, vet, staticcheck, licences
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	go mod tidy -diff
	go mod verify
	go vet ./...
	go vet -tags $(tags) ./...
	$(staticcheck) ./...
	$(staticcheck) -tags $(tags) ./...
	$(licences) check $(linked) --allowed_licenses Apache-2.0,BSD-2-Clause,BSD-3-Clause,ISC,MIT,MPL-2.0,Unicode-DFS-2016

# A tool is run by its path: "go tool" exits with 0 when the tool was killed by a signal.
staticcheck = $$(go tool -n staticcheck)

vulnerabilities: build ## known vulnerabilities of the program, where their database can be reached
	.ci/vulnerabilities ./shardform

generate: ## write the generated files: internal/pb, list of licences; needs protoc
	go generate ./...
	go mod download
	$(licences) report $(linked) --template .ci/licences.tmpl >docs/contributing/licences.md.new
	mv docs/contributing/licences.md.new docs/contributing/licences.md
# The platform is fixed, as what is linked depends on it. An address where no proxy listens keeps go-licenses from asking the host
# of each package for addresses that are not in the list.
licences = GOOS=linux GOARCH=amd64 HTTP_PROXY=127.0.0.1:9 HTTPS_PROXY=127.0.0.1:9 $$(go tool -n go-licenses)
linked = . --ignore shardform --logtostderr=false --log_file=/dev/null --stderrthreshold=ERROR

generated: ## fail if generate changes a file
	before=$$(sha256sum $(files)); $(MAKE) generate; sha256sum --quiet -c <<<"$$before" || { echo 'Commit what "make generate" wrote.' >&2; exit 1; }
files = internal/pb/*/*.pb.go docs/contributing/licences.md

# A real Vitess on loopback; docs/contributing/e2e.md says what it needs. It is taken down after a timeout as well, but for
# SHARDFORM_E2E_KEEP=1.

e2e: ## a random sample of the end-to-end tests, on a real Vitess
	$(setup_tests)
	$(call on_vitess,$(e2e) -timeout 60m)
e2e-all: ## all of them; half an hour
	$(setup_tests)
	$(call on_vitess,$(e2e) -timeout 120m -sample.all)
e2e-legacy: ## the same on one that has vtworker: v0.10 on MariaDB
	$(call on_vitess,$(e2e) -timeout 20m)
e2e-doctor: ## what keeps the end-to-end tests from running on this machine, all of it at once
	e2e/doctor.sh
	SHARDFORM_E2E_VITESS=legacy e2e/doctor.sh
e2e-pin: ## pin what the end-to-end tests fetch to what Debian and the Go module proxy offer now
	e2e/pin.sh
	SHARDFORM_E2E_VITESS=legacy e2e/pin.sh
bench-e2e: ## a whole reshard against the same by vtctldclient, five times in turns; half an hour
	$(call on_vitess,$(bench) Reshard -timeout 120m)
bench-e2e-legacy: ## HorizontalReshardingTask against the original automation_server, five times in turns; five minutes
	$(call on_vitess,$(bench) Legacy -timeout 60m)
e2e-legacy bench-e2e-legacy: export SHARDFORM_E2E_VITESS = legacy
setup_tests = .ci/go-test -tags e2e -count=1 ./e2e/setuptest
on_vitess = e2e/setup.sh; trap '[ "$${SHARDFORM_E2E_KEEP:-}" = 1 ] || e2e/cluster.sh down' EXIT; $(1)
e2e = GOTESTSUM_FORMAT=standard-verbose .ci/go-test -tags e2e -count=1 ./e2e
bench = go test -tags e2e -v ./e2e -run xxx -bench

# Without a Vitess; docs/contributing/benchmarks.md explains what is measured.

bench: ## speed and size, as ratios to baselines of the same run, and how they changed; BENCHFLAGS: -cold -write
	go run ./internal/tools/bench $(BENCHFLAGS)
