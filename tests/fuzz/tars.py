"""Tar archives taken apart and put together again."""

import gzip
import io
import tarfile
import zlib
from random import Random

from tests.fuzz.mutations import damage


def tarred(found: dict[str, bytes], *, packed: bool = True) -> bytes:
    """Return an archive of the members, the same bytes each time."""
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w") as archive:
        for name, data in found.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    raw = room.getvalue()
    return gzip.compress(raw, 1, mtime=0) if packed else raw


def tar_contents(data: bytes) -> dict[str, bytes]:
    """Return the members of an archive; empty for what is no whole one."""
    try:
        found = {}
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive.getmembers():
                if (stream := archive.extractfile(member)) is not None:
                    found[member.name] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, KeyError):
        return {}
    return found


def damaged_tar(rng: Random, found: dict[str, bytes]) -> bytes:
    """Return an archive with a member lost, renamed or twice, or with wrong headers."""
    kind, names = rng.random(), list(found)
    if kind < 0.2:
        del found[rng.choice(names)]
    elif kind < 0.3:
        found[f"x/{rng.choice(names)}"] = found[rng.choice(names)]
    elif kind < 0.4:
        found[rng.choice(names)] = bytes(rng.choice([0, 1, 3073, 5000]))
    raw = tarred(found, packed=False)
    if kind > 0.7:
        # In the first header: names, sizes, kinds and their checksum.
        return gzip.compress(damage(rng, raw[:512]) + raw[512:], 1, mtime=0)
    if kind > 0.6:
        return damage(rng, gzip.compress(raw, 1, mtime=0))
    return gzip.compress(raw, 1, mtime=0)
