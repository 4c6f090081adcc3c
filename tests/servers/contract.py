"""What contract-server knows of contracts: places in JSON, templates, strict schemas, and photos."""
import copy
import hashlib
import re

import jsonschema

MAGIC = {
    rb"\xff\xd8\xff": "image/jpeg", rb"\x89PNG\r\n\x1a\n": "image/png", rb"RIFF....WEBP": "image/webp",
    rb"RIFF....WAVE": "audio/wav", rb"ID3": "audio/mpeg",
}  # fmt: skip


class Refused(Exception):
    """An answer of the contract's errors. With a reason it is a violation: no good client gets it."""

    def __init__(self, name, why=None):
        super().__init__(why)
        self.name, self.why = name, why


def at(value, pointer):
    """The place of a JSON Pointer, or None."""
    for step in pointer.split("/")[1:]:
        if not isinstance(value, (dict, list)):
            return None
        try:
            value = value[int(step)] if isinstance(value, list) else value.get(step)
        except (ValueError, IndexError):
            return None
    return value


def without(value, pointers):
    """A copy without these places."""
    value = copy.deepcopy(value)
    for pointer in pointers:
        head, _, last = pointer.rpartition("/")
        place = at(value, head)
        if isinstance(place, dict):
            place.pop(last, None)
    return value


def fill(template, values):
    """The template with "$name" replaced by that value, and ${name} within a text by its text."""
    if isinstance(template, dict):
        return {name: fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if not isinstance(template, str):
        return template
    whole = re.fullmatch(r"\$(\w+)", template)
    if whole:
        return values.get(whole[1])
    return re.sub(r"\$\{(\w+)\}", lambda m: str(values.get(m[1], "")), template)


def strict(schema):
    """The schema, in which an object with properties takes no others unless it says so."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: strict(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    return schema


def check(schema, value, what):
    error = next(jsonschema.Draft202012Validator(strict(schema)).iter_errors(value), None)
    if error:
        raise Refused("invalid", f"{what}: {'/'.join(map(str, error.path))}: {error.message[:200]}")


def sniff(data):
    """The media type of a picture or a sound, or None."""
    return next((kind for magic, kind in MAGIC.items() if re.match(magic, data, re.S)), None)


def measure(data):
    """Width and height of a JPEG or PNG; 0 and 0 if it has none."""
    if sniff(data) == "image/png":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    i = 2
    while sniff(data) == "image/jpeg" and i + 9 < len(data):
        if 0xC0 <= data[i + 1] <= 0xCF and data[i + 1] not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[i + 7 : i + 9], "big"), int.from_bytes(data[i + 5 : i + 7], "big")
        i += 2 + int.from_bytes(data[i + 2 : i + 4], "big")
    return 0, 0


def faults_of(data, limits):
    """Why the photo is not within the limits: a list of texts."""
    width, height = measure(data)
    sides = sorted((width, height))
    found = []
    if sniff(data) not in limits.get("types", [sniff(data)]):
        found.append(f"{sniff(data)} is not taken")
    if len(data) > limits.get("max_bytes", len(data)):
        found.append(f"{len(data)} bytes are too many")
    if width and (sides[0] < min(limits.get("min", [0])) or sides[1] < max(limits.get("min", [0]))):
        found.append(f"{width}x{height} is too small")
    if width and sides[1] > max(limits.get("max", sides)):
        found.append(f"{width}x{height} is too large")
    shapes = [tuple(map(int, a.split(":"))) for a in limits.get("aspects", [])]
    if width and shapes and not any(width * b == height * a for a, b in shapes):
        found.append(f"{width}x{height} has none of the shapes {', '.join(limits['aspects'])}")
    return found


def digest(data):
    return hashlib.sha256(data).hexdigest()
