"""Zip archives taken apart and put together again, checksums included."""

import io
import warnings
import zipfile
import zlib
from random import Random


def members(data: bytes) -> dict[str, bytes]:
    """Return the members of an archive by name; empty for what is no whole archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, KeyError):
        return {}
    except (NotImplementedError, RuntimeError):
        return {}


def rezipped(rng: Random, found: dict[str, bytes]) -> bytes:
    """Return an archive of the members: one may be lost, doubled, renamed, packed."""
    kind, names = rng.random(), list(found)
    entries = list(found.items())
    if kind < 0.1:
        entries.pop(rng.randrange(len(entries)))
    elif kind < 0.15:
        entries.append((rng.choice(names), rng.choice(entries)[1]))
    elif kind < 0.2:
        at = rng.randrange(len(entries))
        entries[at] = (rng.choice(["", "../x", "é", names[0] + "?"]), entries[at][1])
    packed = zipfile.ZIP_DEFLATED if rng.random() < 0.2 else zipfile.ZIP_STORED
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w", packed) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in entries:
            # A fixed date, so that a case is the same each time.
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=packed)
    return room.getvalue()
