import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * BOOTSTRAP TOPIC PARTITIONS RECORDS SECONDS: transactions of RECORDS records over all partitions, one after the other, for
 * SECONDS after as long a warm-up; a read_committed consumer beside them. Prints one line of JSON: transactions per second,
 * how long one takes (begin to committed), and from send to receipt, in ms.
 */
public class TransactionRate {
  private static volatile boolean measuring = false;
  private static volatile boolean stopping = false;

  public static void main(String[] args) throws Exception {
    String topic = args[1];
    int partitions = Integer.parseInt(args[2]);
    int records = Integer.parseInt(args[3]);
    long seconds = Long.parseLong(args[4]);
    List<Double> ends = Collections.synchronizedList(new ArrayList<>());
    Thread consuming = new Thread(() -> consume(args[0], topic, ends));
    consuming.start();
    List<Double> transactions = new ArrayList<>();
    byte[] padding = new byte[100];
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(producerConfig(args[0]))) {
      producer.initTransactions();
      long begin = System.nanoTime();
      long from = begin + seconds * 1_000_000_000L;
      long until = from + seconds * 1_000_000_000L;
      while (System.nanoTime() < until) {
        long start = System.nanoTime();
        measuring = start >= from;
        producer.beginTransaction();
        for (int i = 0; i < records; i++) {
          byte[] key = Long.toString(System.nanoTime()).getBytes();
          producer.send(new ProducerRecord<>(topic, i % partitions, key, padding));
        }
        producer.commitTransaction();
        if (start >= from) transactions.add((System.nanoTime() - start) / 1e6);
      }
    }
    stopping = true;
    consuming.join();
    System.out.println("{\"transactions_per_second\": " + transactions.size() / (double) seconds
        + ", \"commit_ms\": " + percentiles(transactions) + ", \"end_to_end_ms\": " + percentiles(ends) + "}");
  }

  static void consume(String bootstrap, String topic, List<Double> ends) {
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(consumerConfig(bootstrap))) {
      consumer.subscribe(Collections.singletonList(topic));
      while (!stopping) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          if (measuring) ends.add((System.nanoTime() - Long.parseLong(new String(record.key()))) / 1e6);
        }
      }
    }
  }

  static String percentiles(List<Double> values) {
    if (values.isEmpty()) return "null";
    Collections.sort(values);
    StringBuilder text = new StringBuilder("{");
    double[] wanted = {50, 99, 99.9};
    for (double p : wanted) {
      if (text.length() > 1) text.append(", ");
      int at = (int) Math.min(values.size() - 1, values.size() * p / 100);
      text.append("\"p").append(p).append("\": ").append(Math.round(values.get(at) * 100) / 100.0);
    }
    return text.append("}").toString();
  }

  static Properties producerConfig(String bootstrap) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("transactional.id", "rate");
    config.put("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
    config.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
    return config;
  }

  static Properties consumerConfig(String bootstrap) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("group.id", "rate");
    config.put("isolation.level", "read_committed");
    config.put("auto.offset.reset", "earliest");
    config.put("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
    config.put("value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
    return config;
  }
}
