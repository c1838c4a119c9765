// Drives examples/go/exclusive.go for the kit: a command a line, an answer a line.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"exclusive"

	"github.com/lib/pq"
)

var errTask = errors.New("the task has failed")

// dsn is empty but for what lib/pq does not default: the rest is in PG* variables.
const dsn = "sslmode=disable"

// clock is CLOCK_MONOTONIC in nanoseconds, which all processes share.
func clock() int64 {
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

type client struct {
	lease  time.Duration
	token  int64
	held   func() bool
	finish chan error
	done   chan error
}

func failed(err error) string {
	var state *pq.Error
	if errors.Is(err, exclusive.ErrLost) {
		return "lost"
	} else if errors.Is(err, errTask) {
		return "raised"
	} else if errors.As(err, &state) {
		return "failed " + string(state.Code)
	}
	return "failed 08006"
}

// acquire starts the task, which waits until a later command ends it.
func (c *client) acquire(namespace, key string) string {
	answer := make(chan string, 1)
	finish, done := make(chan error, 1), make(chan error, 1)
	c.finish, c.done = finish, done
	go func() {
		ran, err := exclusive.TryRun(context.Background(), dsn, namespace, key, c.lease,
			func(_ context.Context, token int64, held func() bool) error {
				c.token, c.held = token, held
				answer <- fmt.Sprint("acquired ", token)
				return <-finish
			})
		if !ran && err == nil {
			answer <- "busy"
		} else if !ran {
			answer <- failed(err)
		}
		done <- err
	}()
	return <-answer
}

func (c *client) hold(duration time.Duration) string {
	for end := time.Now().Add(duration); c.held() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if c.held() {
		return "held"
	}
	return "lost"
}

func (c *client) work(file string, duration time.Duration) string {
	witness, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return "failed 58030"
	}
	defer witness.Close()
	steps := 0
	for end := time.Now().Add(duration); time.Now().Before(end); steps++ {
		now := clock() // before the check, so that nobody is accused wrongly
		if !c.held() {
			return fmt.Sprint("lost ", steps)
		}
		fmt.Fprintf(witness, "%d %d\n", now, c.token)
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Sprint("worked ", steps)
}

func (c *client) report() string {
	if c.held == nil {
		return "idle"
	} else if c.held() {
		return fmt.Sprint("held ", c.token)
	}
	return "lost"
}

func (c *client) end(how error) string {
	c.finish <- how
	if err := <-c.done; err != nil {
		return failed(err)
	}
	return "released"
}

func (c *client) once(fail bool, namespace, key, slot string) string {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return failed(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return failed(err)
	}
	defer tx.Rollback()
	ran, err := exclusive.Once(context.Background(), tx, namespace, key, slot)
	if err != nil {
		return failed(err)
	} else if !ran {
		return "skipped"
	}
	if _, err = tx.Exec("INSERT INTO work_done VALUES ($1, $2)", key, slot); err != nil {
		return failed(err)
	} else if fail {
		return "raised"
	} else if err = tx.Commit(); err != nil {
		return failed(err)
	}
	return "ran"
}

func (c *client) answer(line []string) string {
	milliseconds := func(text string) time.Duration {
		number, _ := strconv.Atoi(text)
		return time.Duration(number) * time.Millisecond
	}
	switch line[0] {
	case "acquire":
		return c.acquire(line[1], line[2])
	case "hold":
		return c.hold(milliseconds(line[1]))
	case "work":
		return c.work(line[1], milliseconds(line[2]))
	case "report":
		return c.report()
	case "release":
		return c.end(nil)
	case "fail":
		return c.end(errTask)
	case "once":
		return c.once(len(line) > 4, line[1], line[2], line[3])
	}
	return "failed 0A000"
}

func main() {
	lease, _ := strconv.Atoi(os.Getenv("CONFORMANCE_LEASE"))
	c := &client{lease: time.Duration(lease) * time.Millisecond}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(c.answer(strings.Split(lines.Text(), "\t")))
	}
}
