import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** BOOTSTRAP TOPIC. Clients that would push their metrics (KIP-714), each at work: a topic is described, a record written and read. */
public class PushMetrics {
  public static void main(String[] args) throws Exception {
    Map<String, Object> both = Map.of("bootstrap.servers", args[0], "enable.metrics.push", "true");
    try (Admin admin = Admin.create(both)) {
      admin.describeTopics(Collections.singleton(args[1])).allTopicNames().get();
    }
    try (KafkaProducer<String, String> producer =
             new KafkaProducer<>(both, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>(args[1], "value")).get();
    }
    Map<String, Object> reading = new java.util.HashMap<>(both);
    reading.put("group.id", "pushes");
    reading.put("auto.offset.reset", "earliest");
    try (KafkaConsumer<String, String> consumer =
             new KafkaConsumer<>(reading, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(Collections.singleton(args[1]));
      ConsumerRecords<String, String> records = ConsumerRecords.empty();
      while (records.isEmpty()) {
        records = consumer.poll(Duration.ofMillis(100));
      }
      for (ConsumerRecord<String, String> record : records) {
        System.out.println("read " + record.value());
      }
    }
  }
}
