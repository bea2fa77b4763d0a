"""Writes what is made from all schemas together: the API table, and the registry the tests use."""

from . import cpp
from .schema import LAST
from .source import guarded, null_allowed, structs_of

RANDOM_PARTS = 4


def api_table(files):
    lines = ["// Generated from proto/kafka/*.schema.",
             "// OTTLA_API(Name, key, first version, last version, first and last version that Kafka",
             "// 3.9 offers to clients, first flexible version)"]
    for file in files:
        if api := file.api:
            served = (api.served.first, api.served.last) if api.served else (0, -1)
            flexible = "kNeverFlexible" if api.flexible == LAST else api.flexible
            lines.append(f"OTTLA_API({api.name}, {api.key}, {api.versions.first}, "
                         f"{api.versions.last}, {served[0]}, {served[1]}, {flexible})")
    return "\n".join(lines) + "\n"


def part_of(files, part):
    return [file for at, file in enumerate(files) if at % RANDOM_PARTS == part]


def fill_field(one, within):
    value = f"to.{one.name}"
    if one.array:
        null = f", {null_allowed(one, within)}" if one.optional else ""
        each = "fill(random, element, version)" if one.struct else "random.fill(element)"
        elements = f"*{value}" if one.optional else value
        return [f"if (random.fill_array({value}{null})) {{",
                f"  for (auto& element : {elements}) {each};", "}"]
    if one.struct:
        if one.optional:
            return [f"{value}.reset();", f"if (!random.chance({null_allowed(one, within)})) {{",
                    f"  {value} = decltype({value})::value_type{{}};",
                    f"  fill(random, *{value}, version);", "}"]
        return [f"fill(random, {value}, version);"]
    if one.optional:
        return [f"random.fill_nullable({value}, {null_allowed(one, within)});"]
    return [f"random.fill({value});"]


def filler(struct, scope):
    lines = [f"[[maybe_unused]] void fill([[maybe_unused]] RandomContent& random, [[maybe_unused]] {scope}& to, "
             "[[maybe_unused]] std::int16_t version) {"]
    for one in struct.fields:
        lines += guarded(cpp.condition(one.versions, struct.versions),
                         fill_field(one, struct.versions))
    return lines + ["}", ""]


def random_messages(files, part):
    mine = part_of(files, part)
    lines = ["// Generated from proto/kafka/*.schema.",
             '#include "common/protocol/testing/any_message_of.h"']
    lines += [f'#include "common/protocol/messages/{file.stem}.h"' for file in mine]
    lines += ["", "namespace ottla::protocol {", "namespace {", ""]
    for file in mine:
        for m in file.messages:
            for struct, scope in structs_of(m, m.name):
                lines += filler(struct, scope)
    lines += ["}  // namespace", "", f"void add_messages_{part}(std::vector<MessageType>& types) {{"]
    for file in mine:
        for m in file.messages:
            fill = (f"[](RandomContent& random, {m.name}& to, std::int16_t version) "
                    "{ fill(random, to, version); }")
            lines.append(f"  types.push_back(type_of<{m.name}, {fill}>());")
    return "\n".join(lines + ["}", "", "}  // namespace ottla::protocol", ""])
