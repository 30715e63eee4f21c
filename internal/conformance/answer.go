package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// answerText tells what the response to a request says, without what differs between clusters, one line an item.
func answerText(request, response proto.Message) string {
	switch r := response.(type) {
	case *vtctldatapb.WorkflowSwitchTrafficResponse:
		return planText(r.DryRunResults, r.Summary, transition(r.StartState, r.CurrentState))
	case *vtctldatapb.WorkflowStatusResponse:
		_, begun := request.(*vtctldatapb.ReshardCreateRequest)
		return workflowStatusText(r, begun)
	case *vtctldatapb.GetWorkflowsResponse:
		return getWorkflowsText(r)
	case *vtctldatapb.WorkflowDeleteResponse:
		return lines(r.Summary, fmt.Sprintf("%d tablets, deleted on %d", len(r.Details), count(r.Details, (*vtctldatapb.WorkflowDeleteResponse_TabletInfo).GetDeleted)))
	case *vtctldatapb.WorkflowUpdateResponse:
		return lines(r.Summary, fmt.Sprintf("%d tablets, changed on %d", len(r.Details), count(r.Details, (*vtctldatapb.WorkflowUpdateResponse_TabletInfo).GetChanged)))
	case *vtctldatapb.MoveTablesCompleteResponse:
		return planText(r.DryRunResults, r.Summary)
	case *vtctldatapb.GetVSchemaResponse:
		return messageText(r.VSchema)
	case *vtctldatapb.ApplyVSchemaResponse:
		return vschemaText(r)
	case *vtctldatapb.VDiffCreateResponse:
		return r.UUID
	case *vtctldatapb.VDiffShowResponse:
		return vdiffShowText(r)
	case *vtctldatapb.GetKeyspacesResponse:
		return "has it: " + fmt.Sprint(slices.ContainsFunc(r.Keyspaces, func(k *vtctldatapb.Keyspace) bool { return k.Name == Keyspace }))
	case *vtctldatapb.GetKeyspaceResponse:
		return r.Keyspace.GetName() + " " + r.Keyspace.GetKeyspace().GetKeyspaceType().String()
	case *vtctldatapb.FindAllShardsInKeyspaceResponse:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(r.Shards)) {
			all = append(all, shardRecordText(r.Shards[name]))
		}
		return lines(all...)
	case *vtctldatapb.GetShardResponse:
		return shardRecordText(r.Shard)
	case *vtctldatapb.CreateShardResponse:
		text := r.Keyspace.GetName() + " " + shardRecordText(r.Shard)
		if r.ShardAlreadyExists {
			text += ", which was there"
		}
		return text
	case *vtctldatapb.SetShardTabletControlResponse:
		return shardText("shard", r.Shard)
	case *vtctldatapb.SetShardIsPrimaryServingResponse:
		return shardText("shard", r.Shard)
	case *vtctldatapb.GetTabletsResponse:
		return tabletsText(r.Tablets...)
	case *vtctldatapb.GetTabletResponse:
		return tabletsText(r.Tablet)
	case *vtctldatapb.GetSrvKeyspacesResponse:
		return servingText(r)
	case *vtctldatapb.GetSchemaResponse:
		return schemaText(r.Schema)
	case *vtctldatapb.ExecuteFetchAsDBAResponse:
		return resultText(r.Result)
	case *vtctldatapb.ValidateKeyspaceResponse:
		return resultsText(r.Results, r.ResultsByShard)
	case *vtctldatapb.ValidateSchemaKeyspaceResponse:
		return schemaDifferences(r.Results)
	case *vtctldatapb.ValidateVSchemaResponse:
		return resultsText(r.Results, r.ResultsByShard)
	case *vtctldatapb.ValidateShardResponse:
		return resultsText(r.Results, nil)
	}
	return messageText(response)
}

func lines(all ...string) string {
	all = slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "" })
	for i, line := range all {
		all[i] = normal(line)
	}
	return strings.Join(all, "\n")
}

// planText is what was done and what a dry run would do.
func planText(plan []string, done ...string) string {
	for _, line := range plan {
		done = append(done, normalPlan(line))
	}
	return lines(done...)
}

func count[T any](list []T, is func(T) bool) (n int) {
	for _, one := range list {
		if is(one) {
			n++
		}
	}
	return n
}

func transition(from, to string) string {
	if from == "" && to == "" {
		return ""
	}
	return from + " -> " + to
}

// messageText is any message as JSON with keys in order, "" for one that says nothing.
func messageText(m proto.Message) string {
	if !m.ProtoReflect().IsValid() || proto.Size(m) == 0 {
		return ""
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		return err.Error()
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err.Error()
	}
	if text, err = json.Marshal(value); err != nil {
		return err.Error()
	}
	return normal(string(text))
}

// workflowStatusText leaves out the states of streams that have just begun: it is chance how far they are.
func workflowStatusText(r *vtctldatapb.WorkflowStatusResponse, begun bool) string {
	var streams []string
	for key, on := range r.ShardStreams {
		for _, s := range on.Streams {
			text := key + " from " + s.SourceShard
			if !begun {
				text += " " + s.Status
			}
			streams = append(streams, text)
		}
	}
	slices.Sort(streams)
	all := append([]string{r.TrafficState}, streams...)
	for _, table := range slices.Sorted(maps.Keys(r.TableCopyState)) {
		all = append(all, "copying "+table)
	}
	return lines(all...)
}

func getWorkflowsText(r *vtctldatapb.GetWorkflowsResponse) string {
	var all []string
	workflows := slices.SortedFunc(slices.Values(r.Workflows), func(a, b *vtctldatapb.Workflow) int { return strings.Compare(a.Name, b.Name) })
	for _, w := range workflows {
		lag := "behind"
		switch seconds := w.MaxVReplicationTransactionLag; {
		case seconds < 0:
			lag = "copying"
		case seconds <= 60:
			lag = "up to date"
		}
		all = append(all, fmt.Sprintf("%s: %s %s from %s %v to %s %v, defer %v, options %s, %s", w.Name, w.WorkflowType, w.WorkflowSubType, w.Source.GetKeyspace(),
			slices.Sorted(slices.Values(w.Source.GetShards())), w.Target.GetKeyspace(), slices.Sorted(slices.Values(w.Target.GetShards())), w.DeferSecondaryKeys,
			cmp.Or(messageText(w.Options), "none"), lag))
		all = append(all, workflowStreams(w)...)
	}
	return lines(all...)
}

func workflowStreams(w *vtctldatapb.Workflow) []string {
	var all []string
	for key, on := range w.ShardStreams {
		shard, _, _ := strings.Cut(key, "/")
		for _, s := range on.Streams {
			source := s.BinlogSource
			all = append(all, fmt.Sprintf("on %s (serving %v) in %s from %s/%s %s: %s, copying %d, tablets %v %s, cells %q, rules %s, on_ddl %s, stop after copy %v",
				cmp.Or(shard, s.Shard), on.IsPrimaryServing, s.DbName, source.GetKeyspace(), source.GetShard(), source.GetTabletType(), conditionText(s), len(s.CopyStates),
				s.TabletTypes, s.TabletSelectionPreference, s.Cells, rulesText(s), source.GetOnDdl(), source.GetStopAfterCopy()))
		}
	}
	slices.Sort(all)
	return all
}

func rulesText(s *vtctldatapb.Workflow_Stream) string {
	var rules []string
	for _, r := range s.GetBinlogSource().GetFilter().GetRules() {
		rules = append(rules, r.Match+" "+r.Filter)
	}
	return strings.Join(rules, "; ")
}

// vschemaText is the vschema that was applied, then the parameters that its vindexes do not know.
func vschemaText(r *vtctldatapb.ApplyVSchemaResponse) string {
	all := []string{messageText(r.VSchema)}
	for _, name := range slices.Sorted(maps.Keys(r.UnknownVindexParams)) {
		all = append(all, fmt.Sprintf("vindex %s does not know %v", name, r.UnknownVindexParams[name].Params))
	}
	return lines(all...)
}

func shardRecordText(s *vtctldatapb.Shard) string {
	kr := s.GetShard().GetKeyRange()
	text := fmt.Sprintf("%s/%s [%x,%x)", s.GetKeyspace(), shardText(s.GetName(), s.GetShard()), kr.GetStart(), kr.GetEnd())
	if kr == nil {
		text = fmt.Sprintf("%s/%s without a range", s.GetKeyspace(), shardText(s.GetName(), s.GetShard()))
	}
	return text
}

func tabletsText(tablets ...*topodatapb.Tablet) string {
	var all []string
	for _, t := range tablets {
		kr := t.GetKeyRange()
		all = append(all, fmt.Sprintf("%s/%s %s [%x,%x) term %v", t.GetKeyspace(), t.GetShard(), t.GetType(), kr.GetStart(), kr.GetEnd(), t.GetPrimaryTermStartTime() != nil))
	}
	slices.Sort(all)
	return lines(all...)
}

func servingText(r *vtctldatapb.GetSrvKeyspacesResponse) string {
	var all []string
	for cell, graph := range r.SrvKeyspaces {
		if len(graph.GetPartitions()) == 0 {
			all = append(all, cell+" has none")
			continue
		}
		for _, p := range graph.Partitions {
			all = append(all, fmt.Sprintf("%s from %s", p.ServedType, referencesText(p)))
		}
	}
	slices.Sort(all)
	return lines(slices.Compact(all)...)
}

// schemaDifferences tells each difference once: how many tablets have it is the cluster's business, and which shard the
// others are compared with is chance.
func schemaDifferences(results []string) string {
	all := strings.Split(lines(results...), "\n")
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

func resultsText(results []string, shards map[string]*vtctldatapb.ValidateShardResponse) string {
	all := slices.Sorted(slices.Values(results))
	for _, name := range slices.Sorted(maps.Keys(shards)) {
		for _, text := range slices.Sorted(slices.Values(shards[name].GetResults())) {
			all = append(all, name+": "+text)
		}
	}
	return lines(all...)
}
