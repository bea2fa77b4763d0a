import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * BOOTSTRAP TRANSACTIONAL_ID GROUP INPUT OUTPUT ABORT_EVERY: copies records from one topic to another in transactions,
 * with the group's offsets, until its standard input ends. Each ABORT_EVERY-th transaction is aborted. Prints a line for
 * each thing that happens: committed N, aborted, error, again. With the clients from 2.5 on.
 */
public class Transact {
  private static volatile boolean stopping = false;
  private static int transactions = 0;

  public static void main(String[] args) throws Exception {
    Thread stopper = new Thread(() -> {
      try {
        while (System.in.read() >= 0) { }
      } catch (java.io.IOException e) {
        // the same as its end
      }
      stopping = true;
    });
    stopper.setDaemon(true);
    stopper.start();
    while (!stopping) {
      try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(consumerConfig(args));
           KafkaProducer<String, String> producer = new KafkaProducer<>(producerConfig(args))) {
        producer.initTransactions();
        consumer.subscribe(Collections.singletonList(args[3]));
        copy(consumer, producer, args[4], Integer.parseInt(args[5]));
      } catch (KafkaException e) {
        // The producer can't go on: a new one ends what it left.
        System.out.println("again " + e.getClass().getSimpleName());
      }
    }
    System.exit(0);
  }

  static void copy(KafkaConsumer<String, String> consumer, KafkaProducer<String, String> producer, String output,
      int abortEvery) {
    while (!stopping) {
      ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
      if (records.isEmpty()) continue;
      producer.beginTransaction();
      try {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<String, String> record : records) {
          producer.send(new ProducerRecord<>(output, record.partition(), record.key(), record.value()));
          offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if (abortEvery > 0 && ++transactions % abortEvery == 0) {
          producer.abortTransaction();
          goBack(consumer);
          System.out.println("aborted");
          continue;
        }
        producer.commitTransaction();
        System.out.println("committed " + records.count());
      } catch (org.apache.kafka.common.errors.TimeoutException
          | org.apache.kafka.common.errors.ProducerFencedException e) {
        throw e;  // what became of the transaction only a new producer can tell
      } catch (KafkaException e) {
        System.out.println("error " + e.getClass().getSimpleName());
        producer.abortTransaction();
        goBack(consumer);
      }
    }
  }

  /** To what the group has committed. */
  static void goBack(KafkaConsumer<String, String> consumer) {
    Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
    for (TopicPartition partition : consumer.assignment()) {
      OffsetAndMetadata offset = committed.get(partition);
      if (offset == null) {
        consumer.seekToBeginning(Collections.singletonList(partition));
      } else {
        consumer.seek(partition, offset.offset());
      }
    }
  }

  static Properties producerConfig(String[] args) {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[0]);
    config.put("transactional.id", args[1]);
    config.put("transaction.timeout.ms", "10000");
    config.put("delivery.timeout.ms", "30000");
    config.put("request.timeout.ms", "5000");
    config.put("linger.ms", "5");
    config.put("max.block.ms", "30000");
    config.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    config.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    return config;
  }

  static Properties consumerConfig(String[] args) {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[0]);
    config.put("group.id", args[2]);
    config.put("isolation.level", "read_committed");
    config.put("enable.auto.commit", "false");
    config.put("auto.offset.reset", "earliest");
    config.put("session.timeout.ms", "6000");
    config.put("heartbeat.interval.ms", "500");
    config.put("max.poll.records", "20");
    config.put("client.id", args[1] + "-" + UUID.randomUUID());
    config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    config.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    return config;
  }
}
