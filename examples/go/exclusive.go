// Package exclusive runs a task on one node, with lib/pq.  Copy this file; docs/contract.md says why.
// ran, err := exclusive.TryRun(ctx, "service=app", "jobs", "nightly-close", 15*time.Second, task)
package exclusive

import (
	"context"
	"database/sql"
	"fmt"
	_ "github.com/lib/pq"
	"sync/atomic"
	"time"
)

var ErrLost = fmt.Errorf("the lock is lost: another node may have it")

func TryRun(ctx context.Context, dsn, namespace, key string, lease time.Duration,
	task func(ctx context.Context, token int64, held func() bool) error) (ran bool, err error) {
	db, err := sql.Open("postgres", fmt.Sprintf("%s idle_session_timeout=%d", dsn, lease.Milliseconds()))
	if err != nil {
		return false, err
	}
	defer db.Close() // the session ends, and the lock with it
	db.SetMaxOpenConns(1)
	ctx, lose := context.WithCancel(ctx) // ends when the lock is lost; held is never late
	defer lose()
	start, until, alarm := time.Now(), atomic.Int64{}, time.AfterFunc(lease, lose)
	until.Store(int64(lease))
	held := func() bool { return int64(time.Since(start)) < until.Load() } // right after a freeze
	ask := func(statement string) (answer int64, err error) {
		sent := time.Since(start) // the lease counts from the question
		if err = db.QueryRow(statement, namespace, key).Scan(&answer); err == nil && held() {
			until.Store(int64(sent + lease*29/30))
			alarm.Reset(sent + lease*29/30 - time.Since(start))
		}
		return answer, err
	}
	token, err := ask("SELECT coalesce(CASE WHEN try_lock($1, $2) THEN fencing_token($1, $2) END, 0)")
	if token == 0 {
		return false, err
	}
	go func() {
		for answer := token; answer == token; answer, _ = ask("SELECT coalesce(fencing_token($1, $2), 0)") {
			time.Sleep(lease / 3)
		}
		until.Store(0)
		lose()
	}()
	if err = task(ctx, token, held); held() {
		until.Store(0) // belief ends before the lock does
		if answer, _ := ask("SELECT unlock($1, $2)::int"); answer == 1 {
			return true, err
		}
	}
	return true, ErrLost
}

func Once(ctx context.Context, tx *sql.Tx, run ...any) (ran bool, err error) {
	err = tx.QueryRowContext(ctx, "SELECT try_run_once($1, $2, $3, 'SELECT')", run...).Scan(&ran) // with the work
	return ran, err
}
