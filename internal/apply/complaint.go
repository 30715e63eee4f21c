package apply

import (
	"fmt"
	"strings"

	"shardform/internal/addr"
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

// recorded is an error as the state keeps it with a task and its operation. Under a Scheduler that is all that those who
// enqueued the operation get to see, so that the hints are in it.
func (o *operation) recorded(err error) string {
	text := errorText(err)
	if !o.serving || err == nil {
		return text
	}
	for _, d := range diag.All(err) {
		if d.Hint != "" {
			text += "\nhint: " + d.Hint
		}
	}
	return text
}

// again says how the operation of an address is run again from its beginning.
func (e *engine) again(a addr.Address) string {
	if e.serving {
		return "enqueue the operation again"
	}
	return "run it again with: " + tasks.ApplyCommand("--replace", a.Operation(), e.config)
}

// observed is a hint for where a task's effect could not be told.
func (e *engine) observed(first string) string {
	if e.serving {
		return first + ", then enqueue what is left in an operation of its own"
	}
	return first + "; the next apply observes again before it does anything"
}

// conflict is what a Conflict observation tells the operator.
func (o *operation) conflict(j *job, observation tasks.Observation) *diag.Diagnostic {
	address := j.record.Address.String()
	var detail []string
	if observation.Expected != "" {
		detail = append(detail, "expected: "+observation.Expected)
	}
	if observation.Detail != "" {
		detail = append(detail, "found: "+observation.Detail)
	}
	hint := "settle it on the cluster, then apply again"
	if o.serving {
		hint = "settle it on the cluster, then " + o.again(j.record.Address)
	}
	if len(observation.Cure) > 0 {
		hint = strings.ReplaceAll(strings.Join(observation.Cure, "\n"), "shardform apply --replace ADDR", tasks.ApplyCommand("--replace", j.record.Address.Operation(), o.config))
	}
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s: what was observed is neither what the task starts from nor what it leaves behind", j.record.Name),
		Address: address, Detail: strings.Join(detail, "\n"), Hint: hint, Exit: diag.ExitRefused,
	}
}

// interrupted is the complaint about a task that an earlier process started, that cannot be observed, and that is not
// known to be harmless.
func (o *operation) interrupted(j *job) *diag.Diagnostic {
	address := j.record.Address.String()
	hint := "find out what it did, then " + o.again(j.record.Address)
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s was started by an earlier run and it is not known how it ended", j.record.Name),
		Address: address,
		Detail: fmt.Sprintf("the state has it as RUNNING since %s (%s), and its effect cannot be observed; running it blindly again might do it twice",
			j.record.Started.UTC().Format("2006-01-02 15:04:05Z"), j.record.Announced),
		Hint: hint, Exit: diag.ExitRefused,
	}
}

// contradicted is the complaint about a Run that reported success without its effect being there.
func (o *operation) contradicted(j *job, observation tasks.Observation) *diag.Diagnostic {
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s reported success but its effect is not there", j.record.Name),
		Detail: fmt.Sprintf("observed after it: %s (%s)", observation.State, observation.Detail),
		Hint:   o.observed("look at the cluster"),
	}
}

// unseen is the complaint about a Run that reported success when nobody could look.
func (o *operation) unseen(j *job, cause error) *diag.Diagnostic {
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s reported success but could not be observed", j.record.Name),
		Detail: cause.Error(), Hint: o.observed("find out why"), Cause: cause,
	}
}
