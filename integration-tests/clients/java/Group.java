import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

/**
 * BOOTSTRAP TOPIC GROUP [NAME=VALUE ...]: a member of a group until its standard input ends. Prints a line for each
 * thing that happens: assigned, revoked, lost, record, committed. Commits after every poll, before the next one.
 */
public class Group {
  public static void main(String[] args) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[0]);
    config.put("group.id", args[2]);
    config.put("enable.auto.commit", "false");
    config.put("auto.offset.reset", "earliest");
    config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    config.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    for (int i = 3; i < args.length; i++) {
      String[] setting = args[i].split("=", 2);
      config.put(setting[0], setting[1]);
    }
    KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config);
    Thread stopper = new Thread(() -> {
      try {
        while (System.in.read() >= 0) { }
      } catch (java.io.IOException e) {
        // the same as its end
      }
      consumer.wakeup();
    });
    stopper.setDaemon(true);
    stopper.start();
    consumer.subscribe(Collections.singletonList(args[1]), new ConsumerRebalanceListener() {
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) { say("assigned", partitions); }
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) { say("revoked", partitions); }
      public void onPartitionsLost(Collection<TopicPartition> partitions) { say("lost", partitions); }
    });
    try {
      while (true) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        for (ConsumerRecord<String, String> record : records) {
          System.out.println("record " + record.partition() + " " + record.offset() + " " + record.value());
        }
        if (!records.isEmpty()) {
          try {
            consumer.commitSync();
          } catch (org.apache.kafka.clients.consumer.CommitFailedException
              | org.apache.kafka.common.errors.RebalanceInProgressException e) {
            System.out.println("uncommitted " + e.getClass().getSimpleName());
          }
        }
      }
    } catch (WakeupException e) {
      // told to stop
    } finally {
      consumer.close();
    }
  }

  private static synchronized void say(String what, Collection<TopicPartition> partitions) {
    TreeSet<Integer> numbers = new TreeSet<>();
    for (TopicPartition partition : partitions) {
      numbers.add(partition.partition());
    }
    System.out.println(what + " " + numbers.toString().replaceAll("[\\[\\] ]", ""));
    System.out.flush();
  }
}
