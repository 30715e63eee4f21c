.PHONY: test e2e bench

test:
	go test ./...

# A real Vitess on loopback; docs/e2e.md says what it needs. It is taken down after a timeout as well.
e2e:
	./e2e/setup.sh
	go test -tags e2e -count=1 -v -timeout 60m ./e2e/...; status=$$?; ./e2e/cluster.sh down; exit $$status

# A whole reshard by shardform against the same by vtctldclient, five times in turns; half an hour on an idle machine.
bench:
	./e2e/setup.sh
	go test -tags e2e -run xxx -bench Reshard -v -timeout 120m ./e2e; status=$$?; ./e2e/cluster.sh down; exit $$status
