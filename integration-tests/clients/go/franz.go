package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A member of a group with the franz-go client, until standard input ends; prints as clients/java/Group.java. Balancer is
// cooperative-sticky or range; with an instance id it is a static member.
func franz(bootstrap []string, topic string, id string, balancer string, instance string) {
	var printing sync.Mutex
	say := func(what string) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, claims map[string][]int32) {
			var numbers []int
			for _, partitions := range claims {
				for _, partition := range partitions {
					numbers = append(numbers, int(partition))
				}
			}
			sort.Ints(numbers)
			var words []string
			for _, number := range numbers {
				words = append(words, strconv.Itoa(number))
			}
			printing.Lock()
			defer printing.Unlock()
			fmt.Println(what, strings.Join(words, ","))
		}
	}
	balancers := map[string]kgo.GroupBalancer{
		"cooperative-sticky": kgo.CooperativeStickyBalancer(), "range": kgo.RangeBalancer(),
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(bootstrap...), kgo.ConsumerGroup(id), kgo.ConsumeTopics(topic), kgo.Balancers(balancers[balancer]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(500 * time.Millisecond),
		kgo.SessionTimeout(6 * time.Second), kgo.AutoCommitInterval(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(say("assigned")), kgo.OnPartitionsRevoked(say("revoked")), kgo.OnPartitionsLost(say("lost")),
	}
	if instance != "" {
		options = append(options, kgo.InstanceID(instance), kgo.SessionTimeout(20*time.Second))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		log.Fatal(err)
	}
	told, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	for told.Err() == nil {
		client.PollFetches(told).EachRecord(func(record *kgo.Record) {
			printing.Lock()
			defer printing.Unlock()
			fmt.Println("record", record.Partition, record.Offset, string(record.Value))
		})
	}
	client.Close()
}
