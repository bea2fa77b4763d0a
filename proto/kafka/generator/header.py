"""Writes the header of one schema file: plain structs."""

from . import cpp
from .schema import LAST


def comment(one, within):
    words = []
    if one.versions != within:
        first, last = one.versions.first, one.versions.last
        words.append(f"v{first}" if first == last else
                     f"v{first}+" if last == within.last else f"v{first}-{last}")
    if one.tag is not None:
        words.append(f"tag {one.tag}")
    if one.optional and one.nullable.first > one.versions.first:
        words.append(f"null from v{one.nullable.first} on")
    return f"  ///< {', '.join(words)}." if words else ""


def members(struct, indent):
    pad = " " * indent
    lines = []
    for shared in getattr(struct, "shared", []):
        lines += nested(shared, indent)
    for one in struct.fields:
        if one.inline:
            lines += nested(one.struct, indent)
    for one in struct.fields:
        lines.append(f"{pad}{cpp.member_type(one)} {one.name}{cpp.initializer(one)};"
                     f"{comment(one, struct.versions)}")
    return lines


def equality(qualified, struct, pad):
    if cpp.holds_views(struct):
        return [f"{pad}friend bool operator==(const {qualified}& a, const {qualified}& b);"]
    return [f"{pad}friend bool operator==(const {qualified}&, const {qualified}&) = default;"]


def nested(struct, indent):
    pad = " " * indent
    return ([f"{pad}struct {struct.name} {{"] + members(struct, indent + 2)
            + [f"{pad}  void print(Printer& out) const;"]
            + equality(struct.name, struct, pad + "  ") + [f"{pad}}};"])


def message(m):
    lines = [f"struct {m.name} {{"]
    lines.append(f'  static constexpr std::string_view kName = "{m.name}";')
    if m.api:
        lines.append(f"  static constexpr ApiKey kKey = ApiKey::{m.api.name};")
    lines.append(f"  static constexpr VersionRange kVersions{{{m.versions.first}, {m.versions.last}}};")
    never = "kNeverFlexible" if m.flexible == LAST else str(m.flexible)
    lines.append(f"  static constexpr std::int16_t kFirstFlexible = {never};")
    lines.append("")
    lines += members(m, 2)
    lines += [
        "",
        f"  [[nodiscard]] static ottla::Result<{m.name}> decode(Reader& in, ApiVersion version);",
        "  [[nodiscard]] ottla::Result<> encode(Writer& out, ApiVersion version) const;",
        "  void print(Printer& out) const;",
    ] + equality(m.name, m, "  ") + ["};"]
    return lines


def write(file):
    lines = [f"// Generated from proto/kafka/{file.stem}.schema.", "#pragma once", "",
             "#include <cstdint>", "#include <limits>", "#include <optional>", "#include <string>",
             "#include <string_view>", "#include <vector>", "",
             '#include "common/protocol/message.h"', "", "namespace ottla::protocol {"]
    for m in file.messages:
        lines.append("")
        lines += message(m)
    return "\n".join(lines + ["", "}  // namespace ottla::protocol", ""])
