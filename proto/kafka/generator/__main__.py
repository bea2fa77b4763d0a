"""python3 generator SCHEMAS OUT: writes OUT/common/protocol/... from SCHEMAS/*.schema.

Files whose content is the same stay untouched, so that a change of one schema compiles one file.
`--list` prints the files that would be written, for CMake.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from generator import header, schema, source, tables  # noqa: E402


def outputs(files):
    yield "api_table.inc", lambda: tables.api_table(files)
    for file in files:
        yield f"messages/{file.stem}.h", lambda file=file: header.write(file)
        yield f"messages/{file.stem}.cc", lambda file=file: source.write(file)
    for part in range(tables.RANDOM_PARTS):
        yield (f"testing/random_messages_{part}.cc",
               lambda part=part: tables.random_messages(files, part))


def write_if_changed(path, text):
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main(arguments):
    try:
        files = schema.load(arguments[0])
    except schema.SchemaError as error:
        sys.exit(str(error))
    for name, text in outputs(files):
        path = Path(arguments[1]) / "common/protocol" / name
        if arguments[2:] == ["--list"]:
            print(path)
        else:
            write_if_changed(path, text())


if __name__ == "__main__":
    main(sys.argv[1:])
