import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * produce BOOTSTRAP TOPIC PARTITIONS CODEC COUNT PREFIX | consume BOOTSTRAP TOPIC PARTITIONS.
 * Compiles against the clients of 0.10 and runs with theirs and with those of 3.9.
 */
public class Interop {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("produce")) {
      produce(args[1], args[2], Integer.parseInt(args[3]), args[4], Integer.parseInt(args[5]), args[6]);
    } else {
      consume(args[1], args[2], Integer.parseInt(args[3]));
    }
  }

  private static void produce(String bootstrap, String topic, int partitions, String codec, int count, String prefix)
      throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("acks", "all");
    config.put("compression.type", codec);
    config.put("linger.ms", "20");
    config.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    config.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(config)) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        sent.add(producer.send(new ProducerRecord<>(topic, i % partitions, "key-" + i, prefix + "-" + i)));
      }
      for (Future<RecordMetadata> future : sent) {
        future.get();
      }
    }
  }

  /** Ends when every partition has been read to the end that it had at the start; found by a poll that stays empty. */
  private static void consume(String bootstrap, String topic, int partitions) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("enable.auto.commit", "false");
    config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    config.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config)) {
      List<TopicPartition> assigned = new ArrayList<>();
      for (int i = 0; i < partitions; i++) {
        assigned.add(new TopicPartition(topic, i));
      }
      consumer.assign(assigned);
      Map<TopicPartition, Long> ends = new HashMap<>();
      for (TopicPartition partition : assigned) {
        consumer.seekToEnd(Collections.singletonList(partition));
        ends.put(partition, consumer.position(partition));
      }
      for (TopicPartition partition : assigned) {
        consumer.seekToBeginning(Collections.singletonList(partition));
      }
      while (!ends.isEmpty()) {
        for (ConsumerRecord<String, String> record : consumer.poll(500)) {
          System.out.println(record.partition() + " " + record.key() + " " + record.value());
        }
        for (TopicPartition partition : assigned) {
          Long end = ends.get(partition);
          if (end != null && consumer.position(partition) >= end) {
            ends.remove(partition);
          }
        }
      }
    }
  }
}
