package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Copies records from one topic to another in transactions with the franz-go client, until standard input ends; prints as
// clients/java/Transact.java.
func transact(bootstrap []string, id string, group string, input string, output string, abortEvery int) {
	told, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	for told.Err() == nil {
		session, err := kgo.NewGroupTransactSession(
			kgo.SeedBrokers(bootstrap...), kgo.TransactionalID(id), kgo.TransactionTimeout(10*time.Second),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(), kgo.ConsumerGroup(group),
			kgo.ConsumeTopics(input), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond),
			kgo.HeartbeatInterval(500*time.Millisecond), kgo.SessionTimeout(6*time.Second),
			kgo.RequestTimeoutOverhead(5*time.Second))
		if err == nil {
			err = copyRecords(told, session, output, abortEvery)
			session.Close()
		}
		if err != nil && told.Err() == nil {
			// The producer can't go on: a new one ends what it left.
			fmt.Println("again", err)
		}
	}
}

// Where each partition has to go on: behind what was committed, at the start of what was aborted. After an abort the session
// sets its partitions back, but for those whose offset it is just validating because their leader changed: there the old
// place comes back when the answer does (franz-go 1.15.4, assignSetMatching), and it would go on behind records that never
// came out. A partition that another member had meanwhile looks the same, which costs a new session and no more.
type places map[int32]int64

func (known places) skipped(records []*kgo.Record) bool {
	checked := map[int32]bool{}
	for _, record := range records {
		place, isKnown := known[record.Partition]
		if isKnown && !checked[record.Partition] && record.Offset > place {
			return true
		}
		checked[record.Partition] = true
	}
	return false
}

func (known places) ended(records []*kgo.Record, isCommitted bool) {
	set := map[int32]bool{}
	for _, record := range records {
		if isCommitted {
			known[record.Partition] = record.Offset + 1
		} else if !set[record.Partition] {
			known[record.Partition] = record.Offset
			set[record.Partition] = true
		}
	}
}

func copyRecords(told context.Context, session *kgo.GroupTransactSession, output string, abortEvery int) error {
	known := places{}
	for transactions := 1; ; transactions++ {
		records := session.PollRecords(told, 20).Records()
		if told.Err() != nil {
			return nil
		}
		if len(records) == 0 {
			continue
		}
		if known.skipped(records) {
			return errors.New("the session was not set back")
		}
		if err := session.Begin(); err != nil {
			return err
		}
		promise := kgo.AbortingFirstErrPromise(session.Client())
		for _, record := range records {
			session.Produce(context.Background(), &kgo.Record{
				Topic: output, Partition: record.Partition, Key: record.Key, Value: record.Value}, promise.Promise())
		}
		isWanted := abortEvery == 0 || transactions%abortEvery != 0
		limited, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		isCommitted, err := session.End(limited, kgo.TransactionEndTry(promise.Err() == nil && isWanted))
		cancel()
		if err != nil {
			return err
		}
		known.ended(records, isCommitted)
		if isCommitted {
			fmt.Println("committed", len(records))
		} else {
			fmt.Println("aborted")
		}
	}
}
