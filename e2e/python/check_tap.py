"""Runs singer-check-tap with one fault mended.

Its rule for dates looks into every object that a schema describes, also where the record holds null in
the object's place, and crashes there. Singer's own taps write such records.
"""

from jsonschema import validators
from singertools import check_tap

original_extend = check_tap.extend_with_default


def extend(validator_class):
    rule = original_extend(validator_class).VALIDATORS["properties"]

    def properties_of_objects(validator, properties, instance, schema):
        return rule(validator, properties, instance, schema) if isinstance(instance, dict) else ()

    return validators.extend(validator_class, {"properties": properties_of_objects})


check_tap.extend_with_default = extend
check_tap.main()
