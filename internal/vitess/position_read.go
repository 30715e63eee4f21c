package vitess

import (
	"context"
	"fmt"
	"strings"
	"time"

	querypb "vitess.io/vitess/go/vt/proto/query"

	"shardform/internal/diag"
)

const (
	// FollowLimit is how long Follows waits for a replica that lags.
	FollowLimit = 10 * time.Second
	// answerLimit is how long a tablet may take to answer what takes no time. vtctld waits until the deadline for a tablet
	// whose record is left and whose vttablet is gone.
	answerLimit = FollowLimit + 5*time.Second
)

// Position implements RowReader.
func (c *Client) Position(ctx context.Context, tablet string) (string, error) {
	what := "read the position of " + tablet
	result, err := c.queryWithin(ctx, answerLimit, tablet, what, "select @@global.gtid_executed as position")
	if err != nil {
		return "", err
	}
	rows, err := oneRow(what, result)
	return strings.ReplaceAll(rows["position"], "\n", ""), err
}

// Follows implements RowReader.
func (c *Client) Follows(ctx context.Context, tablet, position string) (bool, error) {
	wait := FollowLimit
	if until, has := ctx.Deadline(); has {
		wait = max(min(wait, time.Until(until)), time.Millisecond) // 0 would be no limit
	}
	what := "wait until " + tablet + " has what its primary has"
	result, err := c.queryWithin(ctx, answerLimit, tablet, what, fmt.Sprintf("select wait_for_executed_gtid_set(%s, %.3f) as late", literal(position), wait.Seconds()))
	if err != nil {
		return false, err
	}
	row, err := oneRow(what, result)
	return row["late"] == "0", err
}

func oneRow(what string, result *querypb.QueryResult) (row, error) {
	rows := rowsOf(result)
	if len(rows) != 1 {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + what, Detail: fmt.Sprintf("the answer has %d rows, expected one", len(rows))}
	}
	return rows[0], nil
}
