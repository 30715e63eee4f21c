package sandbox

import (
	"database/sql"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"shardform/internal/conformance"
	"shardform/internal/sample"
	"shardform/internal/sandbox/sandboxspec"
)

// The same table is run against a real vtctld by the end-to-end tests.
func TestTheSandboxAnswersAsVitessDoes(t *testing.T) {
	t.Parallel()
	target := conformance.Target{Fresh: freshSandbox, Patience: 5 * time.Second, Parallel: true}
	conformance.Run(t, target, sample.Of(t, 0.5, conformance.Situations(), func(s conformance.Situation) string { return s.Name }))
}

func freshSandbox(t *testing.T, base conformance.Base) (grpc.ClientConnInterface, func(shard, statement string)) {
	c := open(t, sandboxspec.Sandbox{
		Path:      t.TempDir(),
		Keyspaces: []sandboxspec.Keyspace{{Name: conformance.Keyspace, Shards: base.Sources, VSchema: conformance.VSchema, Schema: conformance.Schema}},
		Spare:     map[string][]string{conformance.Keyspace: base.Targets},
	}, Options{})
	conn, err := grpc.NewClient(c.Target(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	rows, err := base.Rows()
	if err != nil {
		t.Fatal(err)
	}
	for shard, statements := range rows {
		execute(t, c, shard, statements...)
	}
	return conn, func(shard, statement string) { execute(t, c, shard, statement) }
}

// execute changes rows of a shard: logged if it serves writes, otherwise as MySQL lets its administrator do it.
func execute(t *testing.T, c *Cluster, shard string, statements ...string) {
	t.Helper()
	f, err := c.serving().file(t.Context(), conformance.Keyspace, shard)
	if err != nil {
		t.Fatal(err)
	}
	var mode shardMode
	if err := f.read.QueryRowContext(t.Context(), `SELECT mode FROM _sf_shard`).Scan(&mode); err != nil {
		t.Fatal(err)
	}
	change := f.change
	if mode == modeServing {
		change = f.update
	}
	err = change(t.Context(), func(tx *sql.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
