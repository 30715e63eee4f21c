package sandbox

import (
	"fmt"
	"strings"
)

// triggers are the statements that guard a table and log its changes. They use nothing but SQLite's own functions, so
// they hold for any client.
//
// The log has the keys of changed rows, not the rows: whoever follows it reads the row as it is. That makes an entry for
// a row that did not change harmless, and so the rows that an INSERT OR REPLACE throws out (SQLite fires no delete
// trigger for them) are logged by a trigger that runs before.
func (f *shardFile) triggers(t *table) []string {
	var all []string
	add := func(kind, when, body string) {
		name := fmt.Sprintf("%s%s_%s", reserved, kind, t.Name)
		all = append(all, fmt.Sprintf("CREATE TRIGGER %s %s ON %s %s BEGIN %s; END", quoteName(name), when, quoteName(t.Name), modeIs(kind), body))
	}
	refuse := fmt.Sprintf("SELECT RAISE(ABORT, %s)", quoteText(fmt.Sprintf("shard %s/%s does not serve writes; sandbox rows shows which shards do", f.keyspace, f.shard)))
	for _, op := range []string{"INSERT", "UPDATE", "DELETE"} {
		add("guard_"+strings.ToLower(op), "BEFORE "+op, refuse)
	}
	key := t.key()
	if key == nil {
		return all
	}
	add("log_insert", "AFTER INSERT", logRow(t, "NEW"))
	add("log_delete", "AFTER DELETE", logRow(t, "OLD"))
	add("log_update", "AFTER UPDATE", logRow(t, "OLD")+"; "+logRow(t, "NEW"))
	for i, ix := range t.Indexes {
		if !ix.Unique {
			continue
		}
		var same []string
		for _, c := range ix.Columns {
			same = append(same, fmt.Sprintf("%s = NEW.%s", quoteName(c), quoteName(c)))
		}
		replaced := fmt.Sprintf("%s SELECT %s, %s, %s FROM %s WHERE %s", logInsert(key), logTime, quoteText(t.Name), quoteNames(key), quoteName(t.Name), strings.Join(same, " AND "))
		add(fmt.Sprintf("log_replaced_%d", i), "BEFORE INSERT", replaced)
		add(fmt.Sprintf("log_displaced_%d", i), "BEFORE UPDATE", replaced)
	}
	return all
}

// modeIs is the condition under which a kind of trigger runs.
func modeIs(kind string) string {
	mode := modeServing
	if strings.HasPrefix(kind, "guard_") {
		mode = modeClosed
	}
	return fmt.Sprintf("WHEN (SELECT mode FROM _sf_shard) = %d", mode)
}

// logTime is the current time in seconds, spelled so that old SQLite clients know it too.
const logTime = "CAST(strftime('%s', 'now') AS INTEGER)"

func logInsert(key []string) string {
	return fmt.Sprintf("INSERT INTO _sf_log (ts, tbl, %s)", strings.Join(keyNames(len(key)), ", "))
}

func logRow(t *table, which string) string {
	key := t.key()
	values := make([]string, len(key))
	for i, c := range key {
		values[i] = which + "." + quoteName(c)
	}
	return fmt.Sprintf("%s VALUES (%s, %s, %s)", logInsert(key), logTime, quoteText(t.Name), strings.Join(values, ", "))
}
