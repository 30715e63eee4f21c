package vitess

import "slices"

// Progress is how far the copying of a segment is.
type Progress struct {
	RowsCopied int64
	RowsTotal  int64    // over the source shards: an estimate that may be too low
	TablesLeft []string // tables that some stream has still to copy or is copying, sorted
	Done       bool     // nothing is left to copy; RowsCopied may differ from the estimate all the same
}

// Progress compares the rows that the streams have copied with the sizes of the source shards' tables, as
// TableSizes gives them for each source. The server's own table_copy_state is always empty for a Reshard.
func (v *SegmentView) Progress(sources ...[]TableSchema) Progress {
	p := Progress{Done: v.Copied() || v.Workflow.Frozen()}
	for _, tables := range sources {
		for _, t := range tables {
			p.RowsTotal += t.Rows
		}
	}
	if v.Workflow == nil {
		return p
	}
	for _, s := range v.Workflow.Streams {
		p.RowsCopied += s.RowsCopied
		p.TablesLeft = append(p.TablesLeft, s.CopyTables...)
	}
	slices.Sort(p.TablesLeft)
	p.TablesLeft = slices.Compact(p.TablesLeft)
	return p
}
