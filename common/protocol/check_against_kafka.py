#!/usr/bin/env python3
"""Compares proto/kafka/*.schema with the message definitions inside Kafka's own client library.

  check_against_kafka.py --schemas DIR --cache DIR

Takes Kafka's jars from the local or a remote Maven repository (`mvn` must be there) and compares
field by field, for each version: order, name, wire type, nullability, tag, default, ignorable; and
for each API: key, versions, first flexible version, whether a ZooKeeper-mode broker serves it.
"""

import argparse
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

VERSION = "3.9.1"
# Has the versions of transaction version 2, which Kafka offers with KRaft only.
LATER = "4.1.1"
ARTIFACTS = ["kafka-clients", "kafka-group-coordinator", "kafka-transaction-coordinator"]
WIRE_TYPE = {"error": "int16", "offset": "int64", "leader_epoch": "int32",
             "controller_epoch": "int32", "partition_epoch": "int32", "broker_epoch": "int64",
             "broker_id": "int32", "producer_id": "int64", "producer_epoch": "int16"}
# Internal to KRaft, or records that occur with KRaft only.
NOT_OURS = {"DefaultPrincipalData", "KRaftVersionRecord", "LeaderChangeMessage",
            "SnapshotFooterRecord", "SnapshotHeaderRecord", "VotersRecord"}
FIRST_OWN_API = 20000  # kFirstOwnApi in api.h: Kafka has none of these.
# Records of our own: Kafka's loaders skip them.
OWN_RECORDS = {"EndedOffsetKey", "EndedOffsetValue"}
# Kafka 4.0's, which 3.9.1 skips (KIP-890).
LATER_TAGGED_FIELDS = {"TransactionLogValue": {"previous_producer_id", "next_producer_id",
                                               "client_transaction_version"}}
differences = []


def is_foreign(name):
    return name in NOT_OURS or re.fullmatch(r"(Consumer|Share)Group.*(Key|Value)", name)


def differ(where, text):
    differences.append(f"{where}: {text}")


def fetch_jar(artifact, release, cache):
    jar = cache / f"{artifact}-{release}.jar"
    if jar.exists():
        return jar
    cache.mkdir(parents=True, exist_ok=True)
    command = ["mvn", "-q", "-B", "dependency:copy",
               f"-Dartifact=org.apache.kafka:{artifact}:{release}", f"-DoutputDirectory={cache}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        sys.exit("mvn is not installed: this check takes Kafka's definitions from Maven")
    if done.returncode != 0 or not jar.exists():
        sys.exit(f"{' '.join(command)} failed: no network?\n{done.stdout}{done.stderr}")
    return jar


def read_definitions(cache, release, artifacts):
    """name -> definition"""
    found = {}
    for artifact in artifacts:
        with zipfile.ZipFile(fetch_jar(artifact, release, cache)) as archive:
            for name in archive.namelist():
                if name.startswith("common/message/") and name.endswith(".json"):
                    text = archive.read(name).decode()
                    one = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))
                    found[one["name"]] = one
    return found


def snake_case(name):
    name = name.replace("isKRaft", "IsKraft")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def contains(versions, version):
    """Kafka's ranges: "3", "3-5", "3+", "none"."""
    if versions in (None, "none"):
        return False
    if versions.endswith("+"):
        return version >= int(versions[:-1])
    first, _, last = versions.partition("-")
    return int(first) <= version <= int(last or first)


def kafka_default(definition, array, nullable):
    text = definition.get("default")
    if text is None:
        text = ""
    text = str(text).lower() if not isinstance(text, str) else text
    base = definition["type"].removeprefix("[]")
    if text == "null":
        return None
    if array:
        return "[]"
    if base in ("string", "bytes"):
        return text
    if base == "records":
        return None
    if base == "bool":
        return text.lower() == "true"
    if base == "uuid" or base[0].isupper():
        return "zero"
    if base == "float64":
        return float(text or 0)
    return int(text or "0", 0)


def our_default(field):
    if field.optional and field.default is None:
        return None
    if field.array:
        return "[]"
    if field.base in ("string", "bytes"):
        return (field.default or '""').strip('"')
    if field.base == "records":
        return None
    if field.base == "bool":
        return field.default == "true"
    if field.base == "uuid" or field.struct:
        return "zero"
    if field.base == "float64":
        return float(field.default or 0)
    return int(field.default or "0")


def describe_kafka(definition, version):
    array = definition["type"].startswith("[]")
    base = definition["type"].removeprefix("[]")
    nullable = contains(definition.get("nullableVersions"), version)
    tagged = contains(definition.get("taggedVersions"), version)
    return {
        "name": snake_case(definition["name"]),
        "type": ("[]" if array else "") + ("struct" if base[0].isupper() else base),
        "null": nullable or base == "records",
        "tag": definition["tag"] if tagged else None,
        "default": kafka_default(definition, array, nullable),
        "ignorable": definition.get("ignorable", False),
        "classic": definition.get("flexibleVersions") == "none",
        "key": definition.get("mapKey", False),
    }


def describe_ours(field, version):
    base = "struct" if field.struct else WIRE_TYPE.get(field.base, field.base)
    return {
        "name": field.name,
        "type": ("[]" if field.array else "") + base,
        "null": field.base == "records" or (field.optional and version in field.nullable),
        "tag": field.tag,
        "default": our_default(field),
        "ignorable": field.ignorable,
        "classic": "classic" in field.flags,
        "key": "key" in field.flags,
    }


def compare_fields(where, kafkas, ours, version, structs, is_later):
    theirs = [f for f in kafkas if contains(f["versions"], version)]
    later = LATER_TAGGED_FIELDS.get(where.split()[0], set())
    mine = [f for f in ours if version in f.versions and f.name not in later]
    # Tagged fields are told by number: their order in the definition says nothing.
    order = [snake_case(f["name"]) for f in theirs if not contains(f.get("taggedVersions"), version)]
    if order != [f.name for f in mine if f.tag is None]:
        differ(where, f"fields {[f.name for f in mine]}, Kafka's are {order}")
        return 0
    by_name = {f.name: f for f in mine}
    if set(by_name) != {snake_case(f["name"]) for f in theirs}:
        differ(where, f"tagged fields {sorted(by_name)}, Kafka has others")
        return 0
    count = 0
    for definition in theirs:
        field = by_name[snake_case(definition["name"])]
        left, right = describe_ours(field, version), describe_kafka(definition, version)
        for what in left:
            if what == "ignorable" and is_later:
                continue  # a word about other versions, newer ones among them
            if left[what] != right[what]:
                differ(f"{where}.{field.name}", f"{what} {left[what]!r}, Kafka's is {right[what]!r}")
        count += 1
        if field.struct:
            base = definition["type"].removeprefix("[]")
            inner = definition.get("fields") or structs.get(base, [])
            count += compare_fields(f"{where}.{field.name}", inner, field.struct.fields, version,
                                    structs, is_later)
    return count


def bounds(definition):
    first, _, last = definition["validVersions"].partition("-")
    return int(first), int(last or first)


def compare_message(message, known, later):
    """Versions that 3.9.1 does not have are those of `later`."""
    first, last = bounds(known)
    if message.versions.last > last and later is not None:
        last = min(message.versions.last, bounds(later)[1])
    if (message.versions.first, message.versions.last) != (first, last):
        differ(message.name, f"versions {message.versions}, Kafka's are {first}-{last}")
    count = 0
    for version in message.versions:
        definition = known if version <= bounds(known)[1] else later
        if definition is None:
            continue
        structs = {s["name"]: s["fields"] for s in definition.get("commonStructs", [])}
        if (version >= message.flexible) != contains(definition["flexibleVersions"], version):
            differ(f"{message.name} v{version}", "flexible here or there, not both")
        count += compare_fields(f"{message.name} v{version}", definition["fields"], message.fields,
                                version, structs, definition is not known)
    return count


def compare_api(api, definition):
    if api.key != definition["apiKey"]:
        differ(api.name, f"key {api.key}, Kafka's is {definition['apiKey']}")
    served = "zkBroker" in definition.get("listeners", [])
    if served != (api.served is not None):
        differ(api.name, f"served with ZooKeeper: {api.served}, Kafka: {served}")
    if api.served is not None and (api.served.first, api.served.last) != bounds(definition):
        differ(api.name, f"serves {api.served}, Kafka has {definition['validVersions']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--schemas", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(arguments.schemas))
    from generator import schema

    definitions = read_definitions(arguments.cache, VERSION, ARTIFACTS)
    later = read_definitions(arguments.cache, LATER, ARTIFACTS[:1])
    files = schema.load(arguments.schemas)
    fields = messages = 0
    for file in files:
        if file.api and file.api.key >= FIRST_OWN_API:
            continue
        for message in file.messages:
            if message.name in OWN_RECORDS:
                continue
            if message.name not in definitions:
                differ(message.name, "Kafka has no such message")
                continue
            messages += 1
            fields += compare_message(message, definitions[message.name], later.get(message.name))
        if file.api and f"{file.api.name}Request" in definitions:
            compare_api(file.api, definitions[f"{file.api.name}Request"])
    for message in (m.name for file in files for m in file.messages):
        definitions.pop(message, None)
    for name, definition in definitions.items():
        if "zkBroker" in definition.get("listeners", []):
            differ(name, "a ZooKeeper-mode broker serves it, and there is no schema")
        elif "apiKey" not in definition and not is_foreign(name):
            differ(name, "there is no schema")
    for line in differences:
        print(line)
    print(f"{messages} messages, {fields} fields counted in every version, "
          f"{len(differences)} differences from Kafka {VERSION}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
