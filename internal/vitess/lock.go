package vitess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

// Lock is a workflow's lock in the global topology. Switching traffic, completing and deleting hold it, and so does a VDiff
// for a moment at each table; whoever wants it waits for 45 s. It ends with the call, but not with a server that is killed:
// then it stays for 24 h.
type Lock struct {
	Name     string    // KEYSPACE/WORKFLOW
	Action   string    // the call that took it, as the server names it: WorkflowSwitchTraffic, MoveTablesComplete, WorkflowDelete, vdiff
	Host     string    // of the vtctld, or for vdiff of the vttablet
	Since    time.Time // by the clock of that host
	Seen     time.Time // when this client first saw it held like this, by this machine's clock
	Commands []string  // command lines that remove it, and the keyspace lock of the same call
}

// Dead reports whether a lock was seen for longer than a living server still holds one for a caller that has gone: undoing a
// switch takes it up to two minutes. A caller that is still there may hold it for longer. Since does not count, as the clock
// of that host may be another one.
func (l *Lock) Dead(now time.Time) bool {
	limit := serverCancel + serverRemote
	if l.Action == "vdiff" { // the tablet waits for several others, up to 30 s each
		limit = 10 * time.Minute
	}
	return now.Sub(l.Seen) >= limit
}

// LockedError is the error of a call that did not get the lock of its workflow, or of its keyspace, in time.
type LockedError struct {
	*diag.Diagnostic // what the call was for, and what the server answered
	Lock             *Lock
}

func (e *LockedError) Unwrap() error { return e.Diagnostic }

// locked makes an error a LockedError if it is about a lock that somebody holds on one of the workflows. Where nobody can
// tell who does (another topology than etcd, a server that does not show its topology) it gets a hint.
func (c *Client) locked(ctx context.Context, keyspace string, err error, workflows ...string) error {
	var d *diag.Diagnostic
	if !answered(err, "deadline exceeded: ") || !answered(err, "/locks") || !errors.As(err, &d) {
		return err // a call that was given up after its own deadline may hold the lock itself
	}
	for _, workflow := range workflows {
		if lock, failed := c.WorkflowLock(ctx, keyspace, workflow); failed == nil && lock != nil {
			return &LockedError{d, lock}
		}
	}
	d.Hint = fmt.Sprintf("another call works on the workflow or its keyspace. A vtctld that was killed in the middle of one leaves its lock "+
		"in the global topology: %s for up to 24 hours, that of the keyspace for minutes. If nobody works on it, remove it there and apply again",
		lockPath(keyspace, workflows[0]))
	return err
}

// lockPath is where the topology has the lock of a workflow, without the root of the topology.
func lockPath(keyspace, workflow string) string {
	return fmt.Sprintf("internal/named_locks/%s/%s/locks", keyspace, workflow)
}

// WorkflowLock tells who holds the lock of a workflow; nil if nobody does, or if the server does not show its topology.
func (c *Client) WorkflowLock(ctx context.Context, keyspace, workflow string) (*Lock, error) {
	held, err := c.holder(ctx, lockPath(keyspace, workflow))
	if codeOf(err) == codes.Unimplemented {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	name := keyspace + "/" + workflow
	seen := c.sawLock(name, held)
	if held == nil {
		return nil, nil
	}
	lock := &Lock{Name: name, Action: held.Action, Host: held.HostName, Since: held.Time, Seen: seen}
	leases := []string{held.lease}
	// A switch of writes holds its keyspace too. That lock ends by itself, some timeouts later.
	if of, err := c.holder(ctx, fmt.Sprintf("keyspaces/%s/locks", keyspace)); err == nil && of != nil &&
		of.Action == "SwitchWrites" && of.HostName == held.HostName && !of.Time.Before(held.Time) {
		leases = append(leases, of.lease)
	}
	for _, lease := range leases {
		// etcd names a lock by its lease: revoking that is what the server does to unlock
		if id, err := strconv.ParseInt(lease, 10, 64); err == nil {
			lock.Commands = append(lock.Commands, fmt.Sprintf("etcdctl%s lease revoke %x", c.etcd(ctx), id))
		}
	}
	return lock, nil
}

// lockRecord is a lock as its holder wrote it.
type lockRecord struct {
	Action, HostName string
	Time             time.Time
	lease            string // the name of its node
}

// sightings are the locks that a Client saw held when it last looked, by KEYSPACE/WORKFLOW.
type sightings map[string]sighting

type sighting struct {
	lease string
	first time.Time
}

// sawLock notes who holds a lock now, nil for nobody, and returns since when the same has been seen.
func (c *Client) sawLock(name string, held *lockRecord) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held == nil {
		delete(c.locks, name)
		return time.Time{}
	}
	last, known := c.locks[name]
	if !known || last.lease != held.lease {
		if last = (sighting{held.lease, c.now()}); c.locks == nil {
			c.locks = sightings{}
		}
		c.locks[name] = last
	}
	return last.first
}

// holder reads the oldest lock in a directory of the global topology, which is the one that is held: the others wait for it.
// nil if there is none.
func (c *Client) holder(ctx context.Context, path string) (*lockRecord, error) {
	folder, err := c.topologyPath(ctx, path)
	if err != nil || folder == nil {
		return nil, err
	}
	var held *lockRecord
	var oldest int64
	for _, name := range folder.GetChildren() {
		node, err := c.topologyPath(ctx, path+"/"+name)
		if err != nil {
			return nil, err
		}
		if node == nil || held != nil && node.GetVersion() >= oldest {
			continue
		}
		record := &lockRecord{lease: name}
		if json.Unmarshal([]byte(node.GetData()), record) != nil {
			continue
		}
		held, oldest = record, node.GetVersion()
	}
	return held, nil
}

// topologyPath reads a path of the global topology; nil if it is not there.
func (c *Client) topologyPath(ctx context.Context, path string) (cell *vtctldatapb.TopologyCell, err error) {
	path = "/global/" + path
	err = c.read(ctx, "read "+path+" of the topology", func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetTopologyPath(ctx, &vtctldatapb.GetTopologyPathRequest{Path: path})
		cell = answer.GetCell()
		return err
	})
	if missing(err) || answered(err, "has no file contents and no children") {
		return nil, nil
	}
	return cell, err
}

// etcd is the option that names the topology's etcd, where all cells have the same one, with a space before it.
func (c *Client) etcd(ctx context.Context) string {
	var addresses []string
	err := c.read(ctx, "read the cells", func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		cells, err := vtctld.GetCellInfoNames(ctx, &vtctldatapb.GetCellInfoNamesRequest{})
		for _, name := range cells.GetNames() {
			answer, err := vtctld.GetCellInfo(ctx, &vtctldatapb.GetCellInfoRequest{Cell: name})
			if err != nil {
				return err
			}
			addresses = append(addresses, answer.GetCellInfo().GetServerAddress())
		}
		return err
	})
	addresses = slices.Compact(addresses)
	if err != nil || len(addresses) != 1 || addresses[0] == "" || strings.ContainsAny(addresses[0], " '\"$`\\") {
		return ""
	}
	return " --endpoints=" + addresses[0]
}
