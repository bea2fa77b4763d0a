import org.apache.kafka.common.message.ApiMessageType;

/** Each API that this version of Kafka knows, with the first version of it that is still served. */
public class FirstVersions {
  public static void main(String[] args) {
    for (ApiMessageType api : ApiMessageType.values()) {
      System.out.println(api.name + " " + api.lowestSupportedVersion());
    }
  }
}
