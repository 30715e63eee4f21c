package state

import "shardform/internal/addr"

// Managed are the newest instances of all recorded operations that are not forgotten, in the order in which their
// addresses first appeared.
func Managed(r Reader) ([]Operation, error) {
	all, err := r.Operations()
	if err != nil {
		return nil, err
	}
	var newest []Operation
	at := map[addr.Address]int{}
	for _, op := range all {
		if i, ok := at[op.Address]; ok {
			newest[i] = op
			continue
		}
		at[op.Address] = len(newest)
		newest = append(newest, op)
	}
	managed := newest[:0]
	for _, op := range newest {
		if !op.Forgotten {
			managed = append(managed, op)
		}
	}
	return managed, nil
}
