"""Looking into a torch file without unpickling it.

A pickle can run any code while it is read. This module reads names and opcodes only,
and says whether the file is a plain state_dict. It exists to give the right reason;
``torch.load(weights_only=True)`` stays the second lock. Does not belong here: loading.
"""

import io
import lzma
import pickle
import pickletools
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

# What readers of zip, tar, pickle and torch files raise on altered bytes (found by
# feeding them many).
BROKEN_FILE_ERRORS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    pickle.UnpicklingError,
    struct.error,
    tarfile.TarError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

_SAVE = "Save it with: torch.save(model.state_dict(), path), or as safetensors."
_ALLOWED = frozenset(
    {
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_tensor",
        "torch Size",
    }
)
_DTYPES = frozenset({"float32", "float16", "bfloat16", "float64", "int64", "bool"})
_MEMO_WRITES = frozenset({"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"})
_MEMO_READS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_OLD_FILE_PICKLES = 5
_ZIP, _TAR_MAGIC_AT = b"PK\x03\x04", 257
# torch stores its members unpacked; a file that somebody packed again shrinks a little.
_UNPACKED_LIMIT, _UNPACKED_FLOOR_BYTES = 8, 1 << 20


@dataclass(frozen=True)
class Refusal:
    """Why a file is not read.

    Parameters
    ----------
    found : str
        What it is, to be put after the file's name.
    next_step : str
        The way out.
    unsafe : bool
        True if reading could execute code, False if it is damaged or no torch file.
    """

    EXPECTED: ClassVar[str] = "a state_dict of tensors (.pt) or a .safetensors file"

    found: str
    next_step: str
    unsafe: bool


def inspect_torch_file(content: bytes) -> Refusal | None:
    """Return why the file must not be read, or None if it looks like a state_dict.

    Nothing is unpickled.

    Parameters
    ----------
    content : bytes
        The whole file.
    """
    if content.startswith(_ZIP):
        return _inspect_zip(content)
    if content.startswith(b"\x80"):
        return _inspect_pickles(content)
    if content[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return Refusal("is a tar archive of a very old torch", _SAVE, unsafe=True)
    return Refusal(
        "is neither a safetensors nor a torch file",
        "Choose the file that holds the weights.",
        unsafe=False,
    )


def _inspect_zip(content: bytes) -> Refusal | None:
    damaged = Refusal(
        "is damaged or was copied in part", "Copy or export it again.", unsafe=False
    )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            kind = _archive_kind(names)
            if kind is not None:
                return kind
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > max(_UNPACKED_LIMIT * len(content), _UNPACKED_FLOOR_BYTES):
                return Refusal(
                    f"holds {len(content):,} bytes that unpack to {unpacked:,}",
                    _SAVE,
                    unsafe=True,
                )
            if archive.testzip() is not None:
                return damaged
            pickled = archive.read(next(n for n in names if n.endswith("/data.pkl")))
    except BROKEN_FILE_ERRORS:
        return damaged
    return _inspect_pickles(pickled)


def _archive_kind(names: list[str]) -> Refusal | None:
    leaves = {name.rpartition("/")[2] for name in names}
    if "archive_format" in leaves or any("/models/" in f"/{name}" for name in names):
        return Refusal(
            "is an exported program (.pt2), which runs code when it is loaded",
            "Load it where you trust it, then save the weights: "
            "torch.save(program.state_dict, path).",
            unsafe=True,
        )
    if "serialized_exported_program.json" in leaves:
        return Refusal("is an exported program (.pt2) of an old torch", _SAVE, True)
    if "constants.pkl" in leaves or any("/code/" in name for name in names):
        return Refusal("is a TorchScript archive, which holds code", _SAVE, True)
    if not any(name.endswith("/data.pkl") for name in names):
        return Refusal(
            "is a zip archive without torch weights",
            "Choose the file that holds the weights.",
            unsafe=False,
        )
    return None


def _inspect_pickles(content: bytes) -> Refusal | None:
    try:
        for name in _globals(content):
            if name not in _ALLOWED and not _is_storage(name):
                return Refusal(
                    f"is a pickle that calls {name.replace(' ', '.')} when it is read "
                    "(a whole model, or objects besides tensors)",
                    _SAVE,
                    unsafe=True,
                )
    except BROKEN_FILE_ERRORS:
        return Refusal(
            "is damaged or was copied in part", "Copy or export it again.", unsafe=False
        )
    return None


def _is_storage(name: str) -> bool:
    module, _, attribute = name.partition(" ")
    return module == "torch" and (attribute.endswith("Storage") or attribute in _DTYPES)


def _globals(content: bytes) -> Iterator[str]:
    """Yield "module name" of every global that the pickles name, without loading."""
    stream = io.BytesIO(content)
    # An old torch file is five pickles in a row and then raw bytes.
    for _ in range(_OLD_FILE_PICKLES):
        if content[stream.tell() : stream.tell() + 1] != b"\x80":
            return
        yield from _globals_of_one(stream)


def _globals_of_one(stream: io.BytesIO) -> Iterator[str]:
    pushed: list[str] = []
    memo: dict[int, str] = {}
    top: str | None = None
    for opcode, argument, _position in pickletools.genops(stream):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument)
        elif opcode.name == "STACK_GLOBAL":
            # Module and name are the two texts that were pushed last.
            yield " ".join(pushed[-2:])
        if opcode.name in _MEMO_WRITES:
            place = len(memo) if argument is None else int(argument)
            memo[place] = top or ""
            continue
        top = argument if isinstance(argument, str) else None
        if opcode.name in _MEMO_READS:
            top = memo.get(int(argument or 0)) or None
        if top is not None:
            pushed.append(top)
