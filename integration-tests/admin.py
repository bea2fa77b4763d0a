"""What operators ask of a controller, by request and by znode."""

import interop_clients
import messages
from cluster import wait_until

NO_ERROR, NOT_CONTROLLER, ELECTION_NOT_NEEDED, NO_REASSIGNMENT = 0, 41, 84, 85
PREFERRED, UNCLEAN = 0, 1


class AdminCase:
    """For a TestCase with a Cluster, `self.cluster`, and a topic, `self.topic`."""

    def ask(self, name, version, body, broker=None):
        broker = broker or wait_until(self.cluster.controller, "a controller")
        return messages.ask(broker, name, version, body, timeout=30)

    def alter(self, *replicas, broker=None, topic=None):
        """New replicas of partitions 0.. (None: cancel); the error code of each."""
        answer = self.ask("AlterPartitionReassignments", 0, {"timeout_ms": 30000, "topics": [
            {"name": topic or self.topic, "partitions": [
                {"partition_index": i, "replicas": wanted} for i, wanted in enumerate(replicas)]}]}, broker)
        if answer["error_code"] != NO_ERROR:
            return answer["error_code"]
        return [partition["error_code"] for partition in answer["responses"][0]["partitions"]]

    def listed(self):
        """{partition: (replicas, adding, removing)} of what is under way."""
        def told():
            answer = self.ask("ListPartitionReassignments", 0, {"timeout_ms": 30000, "topics": None})
            return answer if answer["error_code"] != NOT_CONTROLLER else None
        answer = wait_until(told, "a controller that lists reassignments")
        self.assertEqual(answer["error_code"], NO_ERROR)
        return {partition["partition_index"]: (partition["replicas"], partition["adding_replicas"],
                                               partition["removing_replicas"])
                for topic in answer["topics"] if topic["name"] == self.topic for partition in topic["partitions"]}

    def elect(self, kind, topic=None):
        answer = self.ask("ElectLeaders", 2, {"election_type": kind, "timeout_ms": 30000, "topic_partitions": [
            {"topic": topic or self.topic, "partitions": [0]}]})
        self.assertEqual(answer["error_code"], NO_ERROR)
        return answer["replica_election_results"][0]["partition_result"][0]["error_code"]

    def wait_for_replicas(self, replicas, partition=0, isr=None):
        """They are all there, nothing is under way, and one of them leads."""
        def there():
            found = self.cluster.partitions(self.topic)[partition]
            return (found["replicas"] == replicas and sorted(found["isr"]) == sorted(isr or replicas) and
                    found["leader"] in replicas and partition not in self.listed())
        wait_until(there, f"{self.topic}-{partition} on {replicas}", 40)

    def zookeeper(self, verb, path, *data):
        connect = self.cluster.zookeeper.connect + self.cluster.chroot
        return interop_clients.run([interop_clients.KAFKA_REF, verb, "--zk", connect, path, *data], check=False)
