package conformance

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// The comparisons of one situation.
const (
	firstUUID  = "0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001"
	secondUUID = "0a36a3ee-0002-4e42-9d6c-1b2d5a1f0002"
)

// lateCustomer is a row of shard -80 that comes after those of a base.
const lateCustomer = "insert into customer (customer_id, fullname) values (1001, 'late')"

// equal is what a comparison that is completed shows of a table that has so many rows on both sides and no difference.
func equal(shard, table, uuid string, rows int) string {
	return compared(shard, table, uuid, rows, 0, fmt.Sprintf(`{"ExtraRowsSource":0,"ExtraRowsTarget":0,"MatchingRows":%d,"MismatchedRows":0,"ProcessedRows":%d,"TableName":%q}`, rows, rows, table))
}

// allEqual is what it shows where a base was copied and nothing differs.
func allEqual(uuid string) string {
	return text(equal("-80", "corder", uuid, 7), equal("-80", "customer", uuid, 7), equal("80-", "corder", uuid, 13), equal("80-", "customer", uuid, 13))
}

// different is the same for a table with differences, which the report tells.
func different(shard, table, uuid string, rows int, report string) string {
	return compared(shard, table, uuid, rows, 1, report)
}

func compared(shard, table, uuid string, rows, mismatch int, report string) string {
	return fmt.Sprintf("%s: vdiff_state=completed last_error= table_name=%s uuid=%s table_state=completed started_at=TIME rows_compared=%d completed_at=TIME has_mismatch=%d report=%s",
		shard, table, uuid, rows, mismatch, report)
}

// listed is what the list of all comparisons shows of one that is completed, with its core options.
func listed(shard, uuid, core string) string {
	return fmt.Sprintf("%s: vdiff_uuid=%s workflow=rs keyspace=conformance shard=%s db_name=vt_conformance state=completed options={%s} "+
		"created_at=TIME started_at=TIME liveness_timestamp=NULL completed_at=TIME last_error=", shard, uuid, shard, `"core_options":`+core+
		`,"picker_options":{"source_cell":"zone1","tablet_types":"in_order:rdonly,replica,primary","target_cell":"zone1"},"report_options":{"max_sample_rows":10,"row_diff_column_truncate_at":128}`)
}

func comparing() []Situation {
	return []Situation{{
		Name: "a comparison runs is shown and goes",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   showVDiff("last"),
				Answer: text("-80: nothing (0 columns)", "80-: nothing (0 columns)"),
			},
			{
				Call:   showVDiff("all"),
				Answer: text("-80: nothing (13 columns)", "80-: nothing (13 columns)"),
			},
			{Call: showVDiff(firstUUID), Err: "no vdiff found for UUID 0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001 keyspace conformance and workflow rs on tablet TABLET"},
			{Call: vdiff(firstUUID), Answer: firstUUID},
			{
				Call: showVDiff(firstUUID), Later: true,
				Answer: allEqual(firstUUID),
			},
			{
				Call:   showVDiff("last"),
				Answer: allEqual(firstUUID),
			},
			{
				Call: showVDiff("all"),
				Answer: text(
					listed("-80", firstUUID, `{"auto_retry":true,"auto_start":true,"max_extra_rows_to_compare":1000,"max_rows":9223372036854776000,"timeout_seconds":30}`),
					listed("80-", firstUUID, `{"auto_retry":true,"auto_start":true,"max_extra_rows_to_compare":1000,"max_rows":9223372036854776000,"timeout_seconds":30}`),
				),
			},
			{Call: fetch("select unix_timestamp(created_at) as created from _vt.vdiff where vdiff_uuid = '" + firstUUID + "'"), On: "-80", Answer: text("created", "TIME")},
			{Call: fetch("select unix_timestamp(created_at) as created from _vt.vdiff where vdiff_uuid = '" + secondUUID + "'"), On: "-80", Answer: "created"},
			{Call: vdiff(firstUUID), Err: "vdiff with UUID 0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001 already exists on tablet TABLET"},
			{Call: vdiff("not-a-uuid"), Err: "invalid UUID provided: not-a-uuid: invalid UUID length: 10"},
			{Call: stopVDiff(firstUUID)},
			{Call: stopVDiff(secondUUID)},
			{
				Call: with(stopVDiff(firstUUID), func(r *vtctldatapb.VDiffStopRequest) { r.TargetShards = []string{"c0-"} }),
				Err:  "specified target shard c0- not a valid target for workflow rs",
			},
			{
				Call:   showVDiff(firstUUID),
				Answer: allEqual(firstUUID),
			},
			{Call: resumeVDiff(secondUUID), Err: "vdiff with UUID 0a36a3ee-0002-4e42-9d6c-1b2d5a1f0002 not found on tablet TABLET"},
			{Call: deleteVDiff(firstUUID)},
			{Call: deleteVDiff(firstUUID), Err: "no vdiff found for UUID 0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001 on tablet TABLET"},
			{Call: deleteVDiff("all")},
			{Call: deleteVDiff("nonsense"), Err: "action argument nonsense not supported"},
			{Call: showVDiff("nonsense"), Err: "action argument nonsense not supported"},
			{
				Call:   showVDiff("last"),
				Answer: text("-80: nothing (0 columns)", "80-: nothing (0 columns)"),
			},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "a comparison is resumed after its end or before its beginning",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   vdiffWith(firstUUID, func(r *vtctldatapb.VDiffCreateRequest) { r.AutoStart = proto.Bool(false) }),
				Answer: firstUUID,
			},
			{
				Call: showVDiff(firstUUID),
				Answer: text(
					"-80: vdiff_state=stopped last_error=NULL table_name=NULL uuid=0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001 table_state=NULL started_at=NULL rows_compared=NULL completed_at=NULL has_mismatch=0 report=NULL",
					"80-: vdiff_state=stopped last_error=NULL table_name=NULL uuid=0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001 table_state=NULL started_at=NULL rows_compared=NULL completed_at=NULL has_mismatch=0 report=NULL",
				),
			},
			{Call: stopVDiff(firstUUID)},
			{Call: resumeVDiff(firstUUID)},
			{
				Call: showVDiff(firstUUID), Later: true,
				Answer: allEqual(firstUUID),
			},
			{Call: resumeVDiff(firstUUID)},
			{
				Call: showVDiff(firstUUID), Later: true,
				Answer: allEqual(firstUUID),
			},
			{
				Call:   vdiffWith(secondUUID, func(r *vtctldatapb.VDiffCreateRequest) { r.Tables = []string{"customer"} }),
				Answer: secondUUID,
			},
			{
				Call: showVDiff("last"), Later: true,
				Answer: text(
					equal("-80", "customer", secondUUID, 7),
					equal("80-", "customer", secondUUID, 13),
				),
			},
			{
				Call: showVDiff("all"),
				Answer: text(
					listed("-80", firstUUID, `{"auto_retry":true,"auto_start":false,"max_extra_rows_to_compare":1000,"max_rows":9223372036854776000,"timeout_seconds":30}`),
					listed("-80", secondUUID, `{"auto_retry":true,"auto_start":true,"max_extra_rows_to_compare":1000,"max_rows":9223372036854776000,"tables":"customer","timeout_seconds":30}`),
					listed("80-", firstUUID, `{"auto_retry":true,"auto_start":false,"max_extra_rows_to_compare":1000,"max_rows":9223372036854776000,"timeout_seconds":30}`),
					listed("80-", secondUUID, `{"auto_retry":true,"auto_start":true,"max_extra_rows_to_compare":1000,"max_rows":9223372036854776000,"tables":"customer","timeout_seconds":30}`),
				),
			},
			{Call: deleteVDiff("all")},
			{
				Call:   showVDiff("all"),
				Answer: text("-80: nothing (13 columns)", "80-: nothing (13 columns)"),
			},
			{
				Call:   vdiffWith(firstUUID, func(r *vtctldatapb.VDiffCreateRequest) { r.Tables = []string{"nothing"} }),
				Answer: firstUUID,
			},
			{
				Call: showVDiff("last"), Later: true,
				Answer: text(
					"-80: vdiff_state=error last_error=buildPlan: no tables found to diff, nothing:[nothing], on tablet TABLET table_name=NULL uuid=0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001 table_state=NULL started_at=TIME rows_compared=NULL completed_at=NULL has_mismatch=0 report=NULL",
					"80-: vdiff_state=error last_error=buildPlan: no tables found to diff, nothing:[nothing], on tablet TABLET table_name=NULL uuid=0a36a3ee-0001-4e42-9d6c-1b2d5a1f0001 table_state=NULL started_at=TIME rows_compared=NULL completed_at=NULL has_mismatch=0 report=NULL",
				),
			},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}}
}

func comparingDifferences() []Situation {
	const tooMany = "insert into customer (customer_id, fullname) values (1000, 'too many')"
	return []Situation{{
		Name: "a comparison finds what differs and nothing else",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{On: "0", SQL: lateCustomer},
			{On: "80-", SQL: "update customer set fullname = 'someone else' where customer_id = 1"},
			{On: "80-", SQL: "delete from customer where customer_id = 2"},
			{On: "80-", SQL: tooMany},
			{Call: vdiff(firstUUID), Answer: firstUUID},
			{
				Call: showVDiff(firstUUID), Later: true,
				Answer: text(
					equal("-80", "corder", firstUUID, 7),
					equal("-80", "customer", firstUUID, 8),
					equal("80-", "corder", firstUUID, 13),
					different("80-", "customer", firstUUID, 14, `{"ExtraRowsSource":1,"ExtraRowsSourceSample":[{"Row":{"customer_id":"2","fullname":"customer 2"}}],"ExtraRowsTarget":1,"ExtraRowsTargetSample":[{"Row":{"customer_id":"1000","fullname":"too many"}}],"MatchingRows":11,"MismatchedRows":1,"MismatchedRowsSample":[{"Source":{"Row":{"customer_id":"1","fullname":"customer 1"}},"Target":{"Row":{"customer_id":"1","fullname":"someone else"}}}],"ProcessedRows":14,"TableName":"customer"}`),
				),
			},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "a comparison that is resumed looks behind the last row that it has seen",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: vdiff(firstUUID), Answer: firstUUID},
			{
				Call: showVDiff(firstUUID), Later: true,
				Answer: allEqual(firstUUID),
			},
			{On: "80-", SQL: "delete from customer where customer_id = 2"},
			{On: "80-", SQL: tooMany},
			{Call: resumeVDiff(firstUUID)},
			{
				Call: showVDiff(firstUUID), Later: true,
				Answer: text(
					equal("-80", "corder", firstUUID, 7),
					equal("-80", "customer", firstUUID, 7),
					equal("80-", "corder", firstUUID, 13),
					different("80-", "customer", firstUUID, 14, `{"ExtraRowsSource":0,"ExtraRowsTarget":1,"ExtraRowsTargetSample":[{"Row":{"customer_id":"1000","fullname":"too many"}}],"MatchingRows":13,"MismatchedRows":0,"ProcessedRows":14,"TableName":"customer"}`),
				),
			},
			{Call: vdiff(secondUUID), Answer: secondUUID},
			{
				Call: showVDiff(secondUUID), Later: true,
				Answer: text(
					equal("-80", "corder", secondUUID, 7),
					equal("-80", "customer", secondUUID, 7),
					equal("80-", "corder", secondUUID, 13),
					different("80-", "customer", secondUUID, 14, `{"ExtraRowsSource":1,"ExtraRowsSourceSample":[{"Row":{"customer_id":"2","fullname":"customer 2"}}],"ExtraRowsTarget":1,"ExtraRowsTargetSample":[{"Row":{"customer_id":"1000","fullname":"too many"}}],"MatchingRows":12,"MismatchedRows":0,"ProcessedRows":14,"TableName":"customer"}`),
				),
			},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}}
}
