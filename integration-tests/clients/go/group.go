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

	"github.com/Shopify/sarama"
)

type member struct{ printing sync.Mutex }

func (m *member) say(what string, claims map[string][]int32) {
	var numbers []string
	for _, partitions := range claims {
		sort.Slice(partitions, func(i, j int) bool { return partitions[i] < partitions[j] })
		for _, partition := range partitions {
			numbers = append(numbers, strconv.Itoa(int(partition)))
		}
	}
	m.printing.Lock()
	defer m.printing.Unlock()
	fmt.Println(what, strings.Join(numbers, ","))
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.say("assigned", session.Claims())
	return nil
}

func (m *member) Cleanup(session sarama.ConsumerGroupSession) error {
	m.say("revoked", session.Claims())
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.printing.Lock()
		fmt.Println("record", message.Partition, message.Offset, string(message.Value))
		m.printing.Unlock()
		session.MarkMessage(message, "")
	}
	return nil
}

// A member of a group until standard input ends; prints as clients/java/Group.java. With an instance id it is static.
func group(bootstrap []string, topic string, id string, instance string) {
	config := newConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	if instance != "" {
		config.Consumer.Group.InstanceId = instance
		config.Consumer.Group.Session.Timeout = 20 * time.Second
	}
	consumer, err := sarama.NewConsumerGroup(bootstrap, id, config)
	if err != nil {
		log.Fatal(err)
	}
	told, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	for told.Err() == nil {
		if err := consumer.Consume(told, []string{topic}, &member{}); err != nil {
			log.Print(err)
		}
	}
	if err := consumer.Close(); err != nil {
		log.Fatal(err)
	}
}
