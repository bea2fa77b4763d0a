import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import kafka.api.FetchRequestBuilder;
import kafka.javaapi.FetchResponse;
import kafka.javaapi.PartitionMetadata;
import kafka.javaapi.TopicMetadata;
import kafka.javaapi.TopicMetadataRequest;
import kafka.javaapi.consumer.SimpleConsumer;
import kafka.message.MessageAndOffset;

/** BOOTSTRAP TOPIC PARTITIONS: what Consume does, with the consumer of Kafka 0.8 (Metadata v0, Fetch v0). */
public class ConsumeSimple {
  private static SimpleConsumer connect(String host, int port) {
    return new SimpleConsumer(host, port, 30000, 65536, "simple");
  }

  private static String text(ByteBuffer buffer) {
    return buffer == null ? null : StandardCharsets.UTF_8.decode(buffer).toString();
  }

  public static void main(String[] args) {
    String[] address = args[0].split(",")[0].split(":");
    SimpleConsumer bootstrap = connect(address[0], Integer.parseInt(address[1]));
    TopicMetadataRequest question = new TopicMetadataRequest(Collections.singletonList(args[1]));
    for (TopicMetadata topic : bootstrap.send(question).topicsMetadata()) {
      for (PartitionMetadata partition : topic.partitionsMetadata()) {
        SimpleConsumer leader = connect(partition.leader().host(), partition.leader().port());
        read(leader, args[1], partition.partitionId());
        leader.close();
      }
    }
    bootstrap.close();
  }

  private static void read(SimpleConsumer leader, String topic, int partition) {
    long end = 1;
    for (long next = 0; next < end; ) {
      // Small, so that batches are cut and inner offsets of compressed ones are met.
      FetchResponse response = leader.fetch(new FetchRequestBuilder().clientId("simple")
          .addFetch(topic, partition, next, 2000).maxWait(500).minBytes(1).build());
      if (response.hasError()) {
        throw new IllegalStateException("error " + response.errorCode(topic, partition));
      }
      end = response.highWatermark(topic, partition);
      for (MessageAndOffset message : response.messageSet(topic, partition)) {
        if (message.offset() >= next) {
          System.out.println(partition + " " + text(message.message().key()) + " " + text(message.message().payload()));
          next = message.offset() + 1;
        }
      }
    }
  }
}
