"""What the C++ sides of a field look like."""

from .schema import LAST

NUMBERS = {
    "int8": "std::int8_t", "int16": "std::int16_t", "int32": "std::int32_t",
    "int64": "std::int64_t", "uint16": "std::uint16_t", "uint32": "std::uint32_t",
    "float64": "double",
}
IDS = {
    "offset": ("Offset", 8), "leader_epoch": ("LeaderEpoch", 4),
    "controller_epoch": ("ControllerEpoch", 4), "partition_epoch": ("PartitionEpoch", 4),
    "broker_epoch": ("BrokerEpoch", 8), "broker_id": ("BrokerId", 4),
    "producer_id": ("ProducerId", 8), "producer_epoch": ("ProducerEpoch", 2),
}
SIZES = {"bool": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8,
         "float64": 8, "uuid": 16, "error": 2} | {name: size for name, (_, size) in IDS.items()}


def base_type(one):
    if one.struct:
        return one.struct.name
    if one.base in NUMBERS:
        return NUMBERS[one.base]
    if one.base in IDS:
        return IDS[one.base][0]
    return {"bool": "bool", "string": "std::string", "bytes": "ByteView", "records": "Records",
            "uuid": "Uuid", "error": "ErrorCode"}[one.base]


def plain_type(one):
    """The type without std::optional."""
    return f"std::vector<{base_type(one)}>" if one.array else base_type(one)


def member_type(one):
    return f"std::optional<{plain_type(one)}>" if one.optional else plain_type(one)


def number(one):
    """The default of a number, as C++ text."""
    value = int(one.default or 0)
    if value == -(2**31):
        return "std::numeric_limits<std::int32_t>::min()"
    return str(value)


def starts_null(one):
    return one.optional and one.default is None


def initializer(one):
    if starts_null(one):
        return " = std::nullopt"
    if one.optional:
        return f" = {plain_type(one)}()"
    if one.array or one.struct or one.base in ("string", "bytes", "records", "uuid"):
        return "{}"
    if one.base == "bool":
        return " = " + (one.default or "false")
    if one.base == "error":
        return " = ErrorCode::None"
    if one.base in IDS:
        return "{" + number(one) + "}"
    return " = " + number(one)


def differs_from_default(one):
    """An expression: does the field hold something else than its default?"""
    value = f"from.{one.name}"
    if starts_null(one):
        return f"{value}.has_value()"
    if one.optional:
        return f"(!{value} || !{value}->empty())"
    if one.array or one.base in ("string", "bytes"):
        return f"!{value}.empty()"
    if one.struct:
        return f"!({value} == decltype({value}){{}})"
    if one.base == "records":
        return f"!{value}.is_null()"
    if one.base == "uuid":
        return f"!{value}.is_zero()"
    if one.base == "bool":
        return f"!{value}" if one.default == "true" else value
    if one.base == "error":
        return f"{value} != ErrorCode::None"
    if one.base in IDS:
        return f"{value}.value() != {number(one)}"
    return f"{value} != {number(one)}"


def condition(versions, within):
    """When, among the versions `within`, does `versions` hold? "" means always."""
    parts = []
    if versions.first > within.first:
        parts.append(f"version >= {versions.first}")
    if versions.last < within.last and versions.last != LAST:
        parts.append(f"version <= {versions.last}")
    if not versions.intersect(within):
        return "false"
    if versions.first == versions.last and len(parts) == 2:
        return f"version == {versions.first}"
    return " && ".join(parts)


def smallest_size(struct, flexible):
    """The least number of bytes the struct takes in any of its versions: a count of elements that
    the remaining bytes cannot hold is refused before memory is taken."""
    return max(1, min(size_in(struct, version, flexible) for version in struct.versions))


def size_in(struct, version, flexible):
    compact = version >= flexible
    size = 1 if compact else 0
    for one in struct.fields:
        if version not in one.versions or one.tag is not None:
            continue
        if one.array or one.base in ("bytes", "records"):
            size += 1 if compact else 4
        elif one.base == "string":
            size += 1 if compact and "classic" not in one.flags else 2
        elif one.struct:
            size += 1 if one.optional else size_in(one.struct, version, flexible)
        else:
            size += SIZES[one.base]
    return size


def holds_views(struct):
    """Whether defaulted comparison is impossible: a ByteView has no ==."""
    return any(one.base == "bytes" for one in struct.fields)
