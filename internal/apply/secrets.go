package apply

import (
	"fmt"
	"maps"
	"slices"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// addSecrets gives the tasks the values of their sensitive parameters. A value that is missing, or another than the one
// that was recorded, is refused.
func (o *operation) addSecrets(op *plan.Operation) error {
	var complaints diag.List
	secrets := map[addr.Address]map[string]string{}
	for _, c := range op.Containers {
		for _, t := range c.Tasks {
			if len(t.Secrets) > 0 {
				secrets[t.Address] = t.Secrets
			}
		}
	}
	for s := o.root.next; s != nil; s = s.next {
		for _, j := range s.jobs {
			if len(j.record.Sensitive) == 0 {
				continue
			}
			j.secrets = secrets[j.record.Address]
			if j.done() {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(j.record.Sensitive)) {
				value, given := j.secrets[name]
				if given && state.MatchesSensitive(j.record.Sensitive[name], value) {
					continue
				}
				complaints = append(complaints, o.secretComplaint(j, name, given))
			}
		}
	}
	return complaints.Err()
}

func (o *operation) secretComplaint(j *job, name string, given bool) *diag.Diagnostic {
	d := &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("the value of the sensitive parameter %s is not known", name),
		Address: j.record.Address.String(), Exit: diag.ExitRefused,
		Detail: "the state has only its hash", Hint: "give the variable that it comes from (--var, --var-file or SHARDFORM_VAR_name) and apply again",
	}
	if o.serving {
		d.Hint = "start the server with the variable that it comes from (--var, --var-file or SHARDFORM_VAR_name) and enqueue the operation again"
	}
	if given {
		d.Summary = fmt.Sprintf("the value of the sensitive parameter %s is another than the operation began with", name)
		d.Detail = "its hash differs from the recorded one"
		d.Hint = "give the variable its former value; or " + o.again(j.record.Address)
	}
	return d
}
