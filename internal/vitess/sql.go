package vitess

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	querypb "vitess.io/vitess/go/vt/proto/query"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

// row is one row of a query result by column name; NULL columns are absent.
type row map[string]string

func (r row) int(column string) int64 {
	n, err := strconv.ParseInt(r[column], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// rowsOf unpacks a result: the values of a row lie end to end, cut by their lengths, with -1 for NULL.
func rowsOf(result *querypb.QueryResult) []row {
	var rows []row
	for _, packed := range result.GetRows() {
		r, values := row{}, packed.GetValues()
		for i, length := range packed.GetLengths() {
			if length < 0 || i >= len(result.GetFields()) || int64(len(values)) < length {
				continue
			}
			r[result.GetFields()[i].GetName()] = string(values[:length])
			values = values[length:]
		}
		rows = append(rows, r)
	}
	return rows
}

// fetch asks a tablet's MySQL as its administrator. The query has to read only.
func (c *Client) fetch(ctx context.Context, tablet *topodatapb.TabletAlias, what, query string) ([]row, error) {
	var rows []row
	err := c.read(ctx, what, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.ExecuteFetchAsDBA(ctx, &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: tablet, Query: query, MaxRows: 10_000})
		rows = rowsOf(answer.GetResult())
		return err
	})
	return rows, err
}

// countUnresolved counts the transactions that the primaries there are keep the state of.
func (c *Client) countUnresolved(ctx context.Context, keyspace, what string, shards []Shard) (int, error) {
	total := 0
	for _, s := range shards {
		tablet, err := parseAlias(s.PrimaryAlias)
		if err != nil {
			continue // no primary, no transactions
		}
		rows, err := c.fetch(ctx, tablet, what, "select count(*) as n from _vt.dt_state")
		if err != nil {
			return 0, unlessUnknown(err)
		}
		for _, r := range rows {
			total += int(r.int("n"))
		}
	}
	return total, nil
}

// parseAlias reads CELL-UID.
func parseAlias(alias string) (*topodatapb.TabletAlias, error) {
	cut := strings.LastIndex(alias, "-")
	if cut < 1 {
		return nil, fmt.Errorf("tablet alias %q is not CELL-UID", alias)
	}
	uid, err := strconv.ParseUint(alias[cut+1:], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("tablet alias %q is not CELL-UID: %w", alias, err)
	}
	return &topodatapb.TabletAlias{Cell: alias[:cut], Uid: uint32(uid)}, nil
}

// unlessUnknown drops the error of a server that does not have the method.
func unlessUnknown(err error) error {
	if codeOf(err) == codes.Unimplemented {
		return nil
	}
	return err
}

// cause is what is below a Diagnostic, err itself if it is none.
func cause(err error) error {
	var d *diag.Diagnostic
	if errors.As(err, &d) && d.Cause != nil {
		return d.Cause
	}
	return err
}

// literal is s as a MySQL string literal. A quote is doubled, not escaped: that ends no literal either where sql_mode has
// NO_BACKSLASH_ESCAPES.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\x1a", `\Z`).Replace(s) + "'"
}
