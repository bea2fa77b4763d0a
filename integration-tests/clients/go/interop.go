// produce BOOTSTRAP TOPIC PARTITIONS CODEC COUNT PREFIX | consume BOOTSTRAP TOPIC PARTITIONS |
// group BOOTSTRAP TOPIC GROUP [INSTANCE], with the sarama client;
// franz BOOTSTRAP TOPIC GROUP BALANCER [INSTANCE] |
// transact BOOTSTRAP TRANSACTIONAL_ID GROUP INPUT OUTPUT ABORT_EVERY, with franz-go.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/Shopify/sarama"
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	return config
}

func produce(bootstrap []string, topic string, partitions int, codec string, count int, prefix string) {
	config := newConfig()
	config.Producer.Compression = codecs[codec]
	producer, err := sarama.NewSyncProducer(bootstrap, config)
	if err != nil {
		log.Fatal(err)
	}
	var messages []*sarama.ProducerMessage
	for i := 0; i < count; i++ {
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topic, Partition: int32(i % partitions),
			Key:   sarama.StringEncoder(fmt.Sprintf("key-%d", i)),
			Value: sarama.StringEncoder(fmt.Sprintf("%s-%d", prefix, i)),
		})
	}
	if err := producer.SendMessages(messages); err != nil {
		log.Fatal(err)
	}
	if err := producer.Close(); err != nil {
		log.Fatal(err)
	}
}

func consume(bootstrap []string, topic string, partitions int) {
	client, err := sarama.NewClient(bootstrap, newConfig())
	if err != nil {
		log.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		log.Fatal(err)
	}
	for partition := int32(0); partition < int32(partitions); partition++ {
		end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
		if err != nil {
			log.Fatal(err)
		}
		if end == 0 {
			continue
		}
		reader, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
		if err != nil {
			log.Fatal(err)
		}
		for message := range reader.Messages() {
			fmt.Println(message.Partition, string(message.Key), string(message.Value))
			if message.Offset >= end-1 {
				break
			}
		}
		reader.AsyncClose()
	}
}

func optional(index int) string {
	if index < len(os.Args) {
		return os.Args[index]
	}
	return ""
}

func main() {
	bootstrap := strings.Split(os.Args[2], ",")
	switch os.Args[1] {
	case "produce":
		produce(bootstrap, os.Args[3], number(os.Args[4]), os.Args[5], number(os.Args[6]), os.Args[7])
	case "consume":
		consume(bootstrap, os.Args[3], number(os.Args[4]))
	case "group":
		group(bootstrap, os.Args[3], os.Args[4], optional(5))
	case "franz":
		franz(bootstrap, os.Args[3], os.Args[4], os.Args[5], optional(6))
	case "transact":
		transact(bootstrap, os.Args[3], os.Args[4], os.Args[5], os.Args[6], number(os.Args[7]))
	}
}
