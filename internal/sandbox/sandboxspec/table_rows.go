package sandboxspec

// TableRows is how many rows a table has on a shard.
type TableRows struct {
	Keyspace string `json:"keyspace"`
	Shard    string `json:"shard"`
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Serving  bool   `json:"serving"` // whether the shard's primary serves
}
