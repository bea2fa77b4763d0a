import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/**
 * BOOTSTRAP TOPIC PARTITIONS [NAME=VALUE ...]: prints what lies between the ends that the partitions have at the
 * start. Partitions are assigned, no group. With the clients of 0.10 and of every later one up to 3.9.
 */
public class Consume {
  public static void main(String[] args) {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[0]);
    config.put("enable.auto.commit", "false");
    config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    config.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    for (int i = 3; i < args.length; i++) {
      String[] setting = args[i].split("=", 2);
      config.put(setting[0], setting[1]);
    }
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config)) {
      List<TopicPartition> assigned = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(args[2]); i++) {
        assigned.add(new TopicPartition(args[1], i));
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
        ends.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
      }
    }
  }
}
