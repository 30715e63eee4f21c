package vitess

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"shardform/internal/diag/spell"
	"shardform/internal/parallel"
)

// What the servers are asked. vtctld has no question for the version of Vitess (GetVersion answers the time and the
// revision of a build), so it is told by a column of _vt that Vitess 24 made larger. information_schema.innodb_tablespaces
// has the files as they are, not the statistics of GetSchema.
const (
	variablesQuery = "show global variables where variable_name in ('version', 'sql_mode', 'binlog_expire_logs_seconds')"
	databaseQuery  = "select s.default_character_set_name as charset, s.default_collation_name as collation, " +
		"(select max(c.data_type) from information_schema.columns c where c.table_schema = '_vt' and c.table_name = 'vreplication' and c.column_name = 'pos') as position, " +
		"(select sum(t.file_size) from information_schema.innodb_tablespaces t where substring_index(t.name, '/', 1) = database()) as bytes " +
		"from information_schema.schemata s where s.schema_name = database()"
)

// serverTimeout is how long a server is waited for. Nothing is decided by what it says.
const serverTimeout = 10 * time.Second

// Servers implements ServerReader.
func (c *Client) Servers(ctx context.Context, aliases []string) ([]Server, error) {
	group, asking := parallel.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	servers := make([]Server, len(aliases))
	for i, alias := range aliases {
		group.Go(func() error {
			servers[i].Alias = alias
			limited, cancel := context.WithTimeout(asking, serverTimeout)
			defer cancel()
			err := c.readServer(limited, &servers[i])
			switch {
			case err == nil || ctx.Err() != nil || codeOf(err) == codes.Unimplemented:
				return err
			case limited.Err() != nil:
				servers[i].Unread = "no answer within " + spell.Duration(serverTimeout)
			default:
				servers[i].Unread = serverText(cause(err))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, unlessUnknown(err)
	}
	return servers, nil
}

func (c *Client) readServer(ctx context.Context, s *Server) error {
	tablet, err := parseAlias(s.Alias)
	if err != nil {
		return err
	}
	rows, err := c.fetch(ctx, tablet, "read the settings of MySQL on "+s.Alias, variablesQuery)
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch value := r["Value"]; strings.ToLower(r["Variable_name"]) {
		case "version":
			s.MySQL = value
		case "sql_mode":
			modes := strings.Split(value, ",")
			slices.Sort(modes)
			s.SQLMode = strings.Join(modes, ",")
		case "binlog_expire_logs_seconds":
			s.BinlogExpires = time.Duration(row{"n": value}.int("n")) * time.Second
		}
	}
	rows, err = c.fetch(ctx, tablet, "read the database of "+s.Alias, databaseQuery)
	if err != nil {
		return err
	}
	for _, r := range rows {
		s.CharacterSet, s.Collation, s.Bytes = r["charset"], r["collation"], r.int("bytes")
		switch strings.ToLower(r["position"]) {
		case "":
		case "longblob":
			s.Vitess = atLeastTested
		default:
			s.Vitess = "older than " + TestedVitess
		}
	}
	return nil
}

// TestedVitess is the version of Vitess that this program was tested with.
const TestedVitess = "24"

const atLeastTested = TestedVitess + " or newer"

// VitessVersion returns what is known of the version of Vitess that some tablets run: "24.0.1", "23.0.0, 24.0.1", "24 or
// newer", "older than 24", or "" if nothing is; and whether it is another than the tested one.
func VitessVersion(tablets []Tablet, servers []Server) (version string, untested bool) {
	var known []string
	for _, t := range tablets {
		if t.Vitess != "" {
			known = append(known, strings.TrimPrefix(t.Vitess, "v"))
		}
	}
	if len(known) == 0 {
		for _, s := range servers {
			if s.Vitess != "" {
				known = append(known, s.Vitess)
			}
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	other := func(v string) bool { return v != atLeastTested && strings.SplitN(v, ".", 2)[0] != TestedVitess }
	return strings.Join(known, ", "), slices.ContainsFunc(known, other)
}
