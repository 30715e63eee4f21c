package vitess

import (
	"fmt"
	"strings"

	"shardform/internal/diag/spell"
)

// Command lines of vtctlclient, as those of vtctldclient in commands.go.

// LegacyCommandLine is the command line that sends args to the vtctld at a server; "" leaves the address out.
func LegacyCommandLine(server string, args ...string) string {
	words := []string{"vtctlclient"}
	if server != "" {
		words = append(words, "-server", server)
	}
	for _, a := range args {
		words = append(words, spell.ShellWord(a))
	}
	return strings.Join(words, " ")
}

// CommandInitMaster is the command that makes a tablet the master of a new shard.
func CommandInitMaster(keyspace, shard string) string {
	return LegacyCommandLine("", "InitShardMaster", "-force", keyspace+"/"+shard) + " TABLET"
}

// CommandEndFilteredReplication are the commands that end a stream of filtered replication into a shard. The row of
// _vt.vreplication goes first: without its record nobody would find it.
func CommandEndFilteredReplication(keyspace string, shard Shard, from SourceShard) []string {
	return []string{
		LegacyCommandLine("", "VReplicationExec", shard.PrimaryAlias, fmt.Sprintf("delete from _vt.vreplication where id=%d", from.UID)),
		LegacyCommandLine("", "SourceShardDelete", keyspace+"/"+shard.Name, fmt.Sprint(from.UID)),
	}
}

// CommandMigrateBack is the command that gives a tablet type back to the shard that it was migrated from.
func CommandMigrateBack(keyspace, shard string, t TabletType) string {
	return LegacyCommandLine("", "MigrateServedTypes", "-reverse", keyspace+"/"+shard, strings.ToLower(string(t)))
}
