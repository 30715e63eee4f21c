package conformance

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// Keyspace is the keyspace in which every situation takes place, and Workflow the workflow that most of them make.
const (
	Keyspace = "conformance"
	Workflow = "rs"
)

// Base is how a situation begins: shards that serve and have the rows, and shards that are empty and do not serve. There
// are no workflows, no controls, and the tables are on the sources alone.
type Base struct {
	Sources, Targets []string
}

// split is the base of nearly all situations.
func split() Base { return Base{Sources: []string{"0"}, Targets: []string{"-80", "80-"}} }

// merge is the base of those with several sources.
func merge() Base { return Base{Sources: []string{"-80", "80-"}, Targets: []string{"0"}} }

// The tables that a base has on its sources, in MySQL's dialect, the vschema that places their rows, as JSON, and the
// number of customers, counted from 1, each with one order of the same number.
const (
	Schema = `CREATE TABLE customer (customer_id bigint NOT NULL, fullname varchar(64), PRIMARY KEY (customer_id), KEY fullname (fullname));
CREATE TABLE corder (order_id bigint NOT NULL, customer_id bigint NOT NULL, sku varchar(64), PRIMARY KEY (order_id, customer_id));
`
	VSchema = `{"sharded": true, "vindexes": {"xxhash": {"type": "xxhash"}}, "tables": {
 "customer": {"column_vindexes": [{"column": "customer_id", "name": "xxhash"}]},
 "corder": {"column_vindexes": [{"column": "customer_id", "name": "xxhash"}]}}}`
	Customers = 20
)

// Situation is a sequence of calls on a keyspace that is as its Base says at first.
type Situation struct {
	Name  string // tells what the real server does
	Base  Base
	Steps []Step
}

// Step is a call with what it is answered and what it leaves, or a change of rows.
type Step struct {
	// Call is the request; its type tells the method.
	Call proto.Message
	// On is the shard whose primary the request is about, where it wants a tablet.
	On string
	// Answer is what the response says, as answerText tells it. Where Later is set, the call is made again until it does.
	Answer string
	Later  bool
	// Err is a part of the error's normal text; "" is success. Code is its gRPC code: Unknown unless it is given, as
	// Vitess gives no other to the errors of its own.
	Err  string
	Code codes.Code
	// After is what becomes of the keyspace, at once or soon: the fields that are empty are as they were before the step.
	After State

	// SQL is a statement for the database of the shard On's primary, past vtctld, instead of a call.
	SQL string
}

// State is what a keyspace is like, without what differs between clusters.
type State struct {
	// Primary, Replica and Rdonly are the shards that the serving graph names for the type, in its order, and in brackets
	// the controls, by shard: "-80 80- [-80:on 0:off 80-:on]". "nothing" stands for a partition that is not there.
	Primary, Replica, Rdonly string
	// Shards are the shard records, by name: "-80 0:serving 80-:no-primary".
	Shards string
	// Tables are the shards that have the tables of the Schema, by name: "-80 0"; others than those stand in brackets. "none"
	// stands for no shard.
	Tables string
	// Workflows are the workflows in the order of their names, one line each, with the streams: "rs 0>-80,80- Running", or
	// each for itself where they differ: "rs 0>-80 Running 0>80- Stopped(FROZEN)". "none" stands for no workflow.
	Workflows string
}
