.PHONY: test nightly e2e e2e-legacy bench bench-legacy

test:
	go test ./...

# The test matrices of which go test takes a random sample, in full.
sampled = $$(go list -f '{{range .TestImports}}{{if eq . "shardform/internal/sample"}}{{$$.ImportPath}}{{end}}{{end}}' ./...)
nightly:
	go test -timeout 60m $(sampled) -sample.all

# A real Vitess on loopback; docs/e2e.md says what it needs. It is taken down after a timeout as well.
e2e:
	./e2e/setup.sh
	go test -tags e2e -count=1 -v -timeout 60m ./e2e/...; status=$$?; ./e2e/cluster.sh down; exit $$status

# The same for one that has vtworker: v0.10 on MariaDB.
e2e-legacy bench-legacy: export SHARDFORM_E2E_VITESS = legacy
e2e-legacy:
	./e2e/setup.sh
	go test -tags e2e -count=1 -v -timeout 20m ./e2e; status=$$?; ./e2e/cluster.sh down; exit $$status

# A whole reshard by shardform against the same by vtctldclient, five times in turns; half an hour on an idle machine.
bench:
	./e2e/setup.sh
	go test -tags e2e -run xxx -bench Reshard -v -timeout 120m ./e2e; status=$$?; ./e2e/cluster.sh down; exit $$status

# HorizontalReshardingTask by shardform against the original automation_server, five times in turns; five minutes.
bench-legacy:
	./e2e/setup.sh
	go test -tags e2e -run xxx -bench Legacy -v -timeout 60m ./e2e; status=$$?; ./e2e/cluster.sh down; exit $$status
