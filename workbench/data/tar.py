"""Files out of a tar archive, by their bare names.

Belongs here: reading members into memory; nothing is unpacked onto the disk. Does not
belong here: what the members mean (the format modules).
"""

import tarfile
from pathlib import Path


def tar_members(path: Path, names: tuple[str, ...]) -> list[bytes]:
    """Return the content of each named member, whatever directory it lies in.

    Raises
    ------
    KeyError, OSError, tarfile.TarError
        If a member is missing or the archive is damaged.
    """
    with tarfile.open(path) as archive:
        found = {
            member.name.rpartition("/")[2]: archive.extractfile(member)
            for member in archive.getmembers()
            if member.isfile()
        }
        return [stream.read() for name in names if (stream := found[name])]
