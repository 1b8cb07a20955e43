"""Checks files against Airbyte's published models: validate.py (messages|catalog|states) FILE...

messages: every line of the file is one protocol message of a type that a source may write.
catalog: the file is a configured catalog. states: the file is an array of state messages.
"""

import json
import sys

from airbyte_protocol.models import AirbyteMessage, AirbyteStateMessage, ConfiguredAirbyteCatalog

BODIES = {
    "RECORD": "record",
    "STATE": "state",
    "LOG": "log",
    "SPEC": "spec",
    "CONNECTION_STATUS": "connectionStatus",
    "CATALOG": "catalog",
    "TRACE": "trace",
}


def check_message(line):
    message = AirbyteMessage.parse_raw(line)
    body = BODIES[message.type.value]
    # The model takes a message without its body, and one with a second body, too.
    present = [name for name in BODIES.values() if getattr(message, name) is not None]
    if present != [body]:
        raise ValueError(f"a message of type {message.type.value} holds {present}")


def check_file(kind, path):
    with open(path, encoding="utf-8") as file:
        if kind == "catalog":
            ConfiguredAirbyteCatalog.parse_raw(file.read())
            return 1
        if kind == "states":
            states = json.load(file)
            for state in states:
                AirbyteStateMessage.parse_obj(state)
            return len(states)
        count = 0
        for count, line in enumerate(file, 1):
            try:
                check_message(line)
            except Exception as error:
                raise SystemExit(f"{path}:{count}: {error}\n{line[:500]}")
        return count


for path in sys.argv[2:]:
    count = check_file(sys.argv[1], path)
    if count == 0:
        raise SystemExit(f"{path} is empty")
    print(f"{path}: {count} valid")
