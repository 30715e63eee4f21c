package apply

import (
	"fmt"
	"strings"

	"shardform/internal/diag"
	"shardform/internal/tasks"
)

// complaint gives an error the task's address and takes secrets out of it.
func (o *operation) complaint(j *job, err error) error {
	list := diag.At(j.record.Address.String(), err)
	if len(list) == 1 {
		return o.hide.Err(list[0], tasks.ErrStopped)
	}
	return o.hide.Err(list, tasks.ErrStopped)
}

// conflict is what a Conflict observation tells the operator.
func conflict(j *job, observation tasks.Observation) *diag.Diagnostic {
	address := j.record.Address.String()
	var detail []string
	if observation.Expected != "" {
		detail = append(detail, "expected: "+observation.Expected)
	}
	if observation.Detail != "" {
		detail = append(detail, "found: "+observation.Detail)
	}
	hint := "settle it on the cluster, then apply again"
	if len(observation.Cure) > 0 {
		hint = strings.ReplaceAll(strings.Join(observation.Cure, "\n"), "ADDR", j.record.Address.Operation().String())
	}
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s: what was observed is neither what the task starts from nor what it leaves behind", j.record.Name),
		Address: address, Detail: strings.Join(detail, "\n"), Hint: hint, Exit: diag.ExitRefused,
	}
}

// interrupted is the complaint about a task that an earlier process started, that cannot be observed, and that is not
// known to be harmless.
func interrupted(j *job, serving bool) *diag.Diagnostic {
	address := j.record.Address.String()
	hint := "find out what it did, then run the operation's tasks again with: shardform apply --replace " + j.record.Address.Operation().String()
	if serving {
		hint = "find out what it did, then enqueue the operation again"
	}
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s was started by an earlier run and it is not known how it ended", j.record.Name),
		Address: address,
		Detail: fmt.Sprintf("the state has it as RUNNING since %s (%s), and its effect cannot be observed; running it blindly again might do it twice",
			j.record.Started.UTC().Format("2006-01-02 15:04:05Z"), j.record.Announced),
		Hint: hint, Exit: diag.ExitRefused,
	}
}

// contradicted is the complaint about a Run that reported success without its effect being there.
func contradicted(j *job, observation tasks.Observation) *diag.Diagnostic {
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s reported success but its effect is not there", j.record.Name),
		Detail: fmt.Sprintf("observed behind it: %s (%s)", observation.State, observation.Detail),
		Hint:   "look at the cluster; the next apply observes again before it does anything",
	}
}

// unseen is the complaint about a Run that reported success when nobody could look.
func unseen(j *job, cause error) *diag.Diagnostic {
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s reported success but could not be observed", j.record.Name),
		Detail: cause.Error(), Hint: "the next apply observes again before it does anything", Cause: cause,
	}
}
