"""Writes the decoders, encoders and printers of one schema file."""

from . import cpp
from .schema import LAST


def structs_of(struct, scope):
    """(struct, qualified C++ name), inner ones first."""
    for shared in getattr(struct, "shared", []):
        yield from structs_of(shared, f"{scope}::{shared.name}")
    for one in struct.fields:
        if one.inline:
            yield from structs_of(one.struct, f"{scope}::{one.struct.name}")
    yield struct, scope


def guarded(condition, lines, pad="  "):
    if not condition:
        return [pad + line for line in lines]
    if len(lines) == 1 and len(lines[0]) + len(condition) < 85:
        return [f"{pad}if ({condition}) {lines[0]}"]
    return [f"{pad}if ({condition}) {{"] + [f"{pad}  {line}" for line in lines] + [pad + "}"]


def null_allowed(one, within):
    condition = cpp.condition(one.nullable, one.versions.intersect(within))
    return condition or "true"


# --- decoding -------------------------------------------------------------------------------------

def element_size(one, flexible):
    if one.struct:
        return cpp.smallest_size(one.struct, flexible)
    if one.base in ("string", "bytes", "records"):
        return 1
    return cpp.SIZES[one.base]


def read_field(one, within, flexible):
    value = f"to.{one.name}"
    if one.array:
        null = f", {null_allowed(one, within)}" if one.optional else ""
        size = element_size(one, flexible)
        each = "read(in, element, version)" if one.struct else "in.read(element)"
        begin = f"if (in.begin_array({value}, {size}{null}))"
        elements = f"*{value}" if one.optional else value
        return [begin + " {", f"  for (auto& element : {elements}) {{", f"    {each};",
                "    if (in.failed()) return;", "  }", "}"]
    if one.struct:
        if one.optional:
            # No emplace(): clang wants the default constructor before the outer class is complete.
            return [f"{value}.reset();", f"if (in.begin_struct({null_allowed(one, within)})) {{",
                    f"  {value} = decltype({value})::value_type{{}};",
                    f"  read(in, *{value}, version);", "}"]
        return [f"read(in, {value}, version);"]
    if "classic" in one.flags:
        return [f"in.read_classic({value});"]
    if one.optional:
        return [f"in.read_nullable({value}, {null_allowed(one, within)});"]
    return [f"in.read({value});"]


def reader(struct, scope, flexible):
    within = struct.versions
    lines = [f"void read(Reader& in, [[maybe_unused]] {scope}& to, "
             "[[maybe_unused]] std::int16_t version) {"]
    tagged = [one for one in struct.fields if one.tag is not None]
    for one in struct.fields:
        if one.tag is None:
            lines += guarded(cpp.condition(one.versions, within),
                             read_field(one, within, flexible))
    if flexible <= within.last:
        if not tagged:
            lines.append("  in.skip_tagged_fields();")
        else:
            lines.append("  for (TaggedFields tags(in); tags.next();) {")
            lines.append("    switch (tags.tag()) {")
            for one in tagged:
                lines.append(f"      case {one.tag}:")
                condition = cpp.condition(one.versions, within)
                body = read_field(one, within, flexible)
                if condition:
                    lines.append(f"        if (!({condition})) {{ tags.skip(); break; }}")
                lines += ["        " + line for line in body] + ["        break;"]
            lines += ["      default:", "        tags.skip();", "    }", "  }"]
    return lines + ["}"]


# --- encoding -------------------------------------------------------------------------------------

def write_field(one, within, out="out"):
    value = f"from.{one.name}"
    if one.array:
        null = f", {null_allowed(one, within)}" if one.optional else ""
        each = f"write({out}, element, version)" if one.struct else f"{out}.write(element)"
        elements = f"*{value}" if one.optional else value
        return [f"if ({out}.begin_array({value}{null})) {{",
                f"  for (const auto& element : {elements}) {each};", "}"]
    if one.struct:
        if one.optional:
            return [f"if ({out}.begin_struct({value}.has_value(), {null_allowed(one, within)})) "
                    f"write({out}, *{value}, version);"]
        return [f"write({out}, {value}, version);"]
    if "classic" in one.flags:
        return [f"{out}.write_classic({value});"]
    if one.optional:
        return [f"{out}.write_nullable({value}, {null_allowed(one, within)});"]
    return [f"{out}.write({value});"]


def writer(struct, scope, flexible):
    within = struct.versions
    path = scope.replace("::", ".")
    lines = [f"void write(Writer& out, [[maybe_unused]] const {scope}& from, "
             "[[maybe_unused]] std::int16_t version) {"]
    tagged = sorted((one for one in struct.fields if one.tag is not None), key=lambda f: f.tag)
    for one in struct.fields:
        condition = cpp.condition(one.versions, within)
        if one.tag is None:
            lines += guarded(condition, write_field(one, within))
        if condition and not one.ignorable:
            lines += [f"  if (!({condition}) && {cpp.differs_from_default(one)}) {{",
                      f'    out.fail_unsupported("{path}.{one.name}", version);', "  }"]
    if flexible <= within.last:
        if not tagged:
            lines.append("  out.write_no_tagged_fields();")
        else:
            lines.append("  if (out.flexible()) {")
            for one in tagged:
                condition = cpp.condition(one.versions, within)
                test = cpp.differs_from_default(one)
                lines.append(f"    const bool has_{one.name} = "
                             + (f"{condition} && {test};" if condition else f"{test};"))
            total = " + ".join(f"(has_{one.name} ? 1U : 0U)" for one in tagged)
            lines.append(f"    out.write_unsigned_varint({total});")
            for one in tagged:
                lines += [f"    if (has_{one.name}) {{", "      Writer tagged = out.nested();"]
                lines += ["      " + line for line in write_field(one, within, "tagged")]
                lines += [f"      out.write_tagged({one.tag}, std::move(tagged));", "    }"]
            lines.append("  }")
    return lines + ["}"]


# --- printing, comparing --------------------------------------------------------------------------

def printer(struct, scope):
    lines = [f"void {scope}::print(Printer& out) const {{", "  out.open();"]
    for one in struct.fields:
        call = "hidden" if "secret" in one.flags else "field"
        lines.append(f'  out.{call}("{one.name}", {one.name});')
    return lines + ["  out.close();", "}"]


def equality(struct, scope):
    if not cpp.holds_views(struct):
        return []
    tests = [f"same_bytes(a.{one.name}, b.{one.name})" if one.base == "bytes"
             else f"a.{one.name} == b.{one.name}" for one in struct.fields]
    return [f"bool operator==(const {scope}& a, const {scope}& b) {{",
            "  return " + " && ".join(tests) + ";", "}", ""]


def entry_points(m):
    flexible = "false" if m.flexible == LAST else f"version.value() >= {m.flexible}"
    return [
        f"ottla::Result<{m.name}> {m.name}::decode(Reader& in, ApiVersion version) {{",
        "  if (!kVersions.contains(version)) return fail_version(kName, version);",
        f"  in.set_flexible({flexible});",
        f"  {m.name} to;",
        "  read(in, to, version.value());",
        "  if (in.failed()) return fail(in.error(kName, version));",
        "  return to;",
        "}", "",
        f"ottla::Result<> {m.name}::encode(Writer& out, ApiVersion version) const {{",
        "  if (!kVersions.contains(version)) return fail_version(kName, version);",
        f"  out.set_flexible({flexible});",
        "  write(out, *this, version.value());",
        "  return out.status();",
        "}", ""]


def write(file):
    lines = [f"// Generated from proto/kafka/{file.stem}.schema.",
             f'#include "common/protocol/messages/{file.stem}.h"', "", "#include <utility>", "",
             '#include "common/protocol/printer.h"', '#include "common/protocol/reader.h"',
             '#include "common/protocol/writer.h"', "", "namespace ottla::protocol {", "namespace {",
             ""]
    everything = [(s, scope, m) for m in file.messages for s, scope in structs_of(m, m.name)]
    for struct, scope, m in everything:
        lines += reader(struct, scope, m.flexible) + [""]
    for struct, scope, m in everything:
        lines += writer(struct, scope, m.flexible) + [""]
    lines += ["}  // namespace", ""]
    for struct, scope, _ in everything:
        lines += equality(struct, scope) + printer(struct, scope) + [""]
    for m in file.messages:
        lines += entry_points(m)
    return "\n".join(lines + ["}  // namespace ottla::protocol", ""])
