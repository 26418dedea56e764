"""Generated AVX-512 code, followed instruction by instruction on any machine.

Code is generated and disassembled as it would run, and each instruction does what its
manual says to registers of NumPy and to real memory. Covered are the instructions of
layers without an activation or with bounds; another one is told as an error.
"""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import replace

import capstone
import numpy as np

from tests.kernels.random_convolutions import Layer, load, operands, stored
from workbench.engine.candidates import Form
from workbench.engine.candidates.conv import place_conv, sparse_arguments
from workbench.engine.layout.aligned_vectors import on_one_grid
from workbench.kernels.backend import NUMBERS, module
from workbench.kernels.steps import generated
from workbench.kernels.steps.sparse import sparse_spec
from workbench.kernels.variants.code_shapes import CodeShape, check, worthwhile

AVX512 = NUMBERS["avx512"]
WEIGHT_BIAS = 512
TOLERANCE = 2e-5
MEMORY = re.compile(r"\[(\w+)(?: ([+-]) (\w+))?\]")
LANES_OF = {"x": 4, "y": 8, "z": 16}
WHOLE = {"eax": "rax", "ecx": "rcx"}


class Unit(ctypes.Structure):
    """wb_emit_unit of ext/emit/step_data.h."""

    _fields_ = (
        ("entry", ctypes.c_void_p * 3),
        ("weights", ctypes.c_void_p),
        ("code", ctypes.c_void_p),
        ("sizes", ctypes.c_int32 * 2),
        ("rows", ctypes.c_int32 * 2),
    )


class Vector(ctypes.Structure):
    """wb_emit_vector."""

    _fields_ = (
        ("start", ctypes.c_int64),
        ("out", ctypes.c_int64 * 3),
        ("mask", ctypes.c_uint16 * 3),
        ("width", ctypes.c_uint8),
        ("split", ctypes.c_uint8),
    )


class Step(ctypes.Structure):
    """The first fields of wb_emit."""

    _fields_ = (
        ("base", ctypes.c_void_p),
        ("mapped", ctypes.c_size_t),
        ("code_bytes", ctypes.c_size_t),
        ("weights", ctypes.c_void_p),
        ("weight_floats", ctypes.c_size_t),
        ("units", ctypes.POINTER(Unit)),
        ("n_units", ctypes.c_int32),
        ("parts", ctypes.c_int32),
        ("work", ctypes.c_void_p),
        ("n_groups", ctypes.c_int32),
        ("vectors", ctypes.POINTER(Vector)),
        ("n_vectors", ctypes.c_int64),
        ("order", ctypes.c_void_p),
        ("src", ctypes.c_int64),
        ("dst", ctypes.c_int64),
    )


class More(ctypes.Structure):
    """wb_more_segments of ext/emit/generate.h."""

    _fields_ = (("out", ctypes.c_void_p * 2), ("mask", ctypes.c_uint16 * 2))


class Processor:
    """Registers and what the instructions do to them."""

    def __init__(self, code: bytes, address: int) -> None:
        decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self.code = {i.address: i for i in decoder.disasm(code, address)}

    def call(self, entry: int, *arguments: int) -> None:
        """Run from an address to the return."""
        names = ("rdi", "rsi", "rdx", "rcx", "r8")
        self.general = dict(zip(names, arguments, strict=True))
        self.vector = np.zeros((32, 16), np.float32)
        self.mask = [0] * 8
        at = entry
        while self.code[at].mnemonic != "ret":
            found = self.code[at]
            at += found.size
            target = self._do(found.mnemonic, found.op_str)
            at = at if target is None else target

    def _do(self, name: str, text: str) -> int | None:
        operands = [part.strip() for part in text.split(", ")]
        if name == "jne":
            return int(text, 0) if self.general["r8"] else None
        if name == "kmovw":
            self.mask[int(operands[0][1])] = self._number(operands[1], 2)
        elif name == "mov":
            self.general[WHOLE.get(operands[0], operands[0])] = self._number(
                operands[1], 8
            )
        elif name in ("add", "sub"):
            value = self._number(operands[1], 8)
            self.general[operands[0]] += value if name == "add" else -value
        elif name not in ("endbr64", "vzeroupper", "nop", "test"):
            self._lanes(name, operands, text)
        return None

    def _address(self, text: str) -> int:
        found = MEMORY.search(text)
        assert found is not None, text
        name, sign, distance = found.groups()
        by = int(distance or "0", 0)
        return self.general[name] + (-by if sign == "-" else by)

    def _number(self, text: str, size: int) -> int:
        if "[" in text:
            raw = ctypes.string_at(self._address(text), size)
            return int.from_bytes(raw, "little")
        name = WHOLE.get(text, text)
        value = self.general[name] if name in self.general else int(text, 0)
        return value & 0xFFFF if size == 2 else value

    def _floats(self, text: str, count: int) -> np.ndarray:
        place = (ctypes.c_float * count).from_address(self._address(text))
        return np.ctypeslib.as_array(place)

    def _lanes(self, name: str, operands: list[str], text: str) -> None:
        lanes = LANES_OF[re.search(r"([xyz])mm", text)[1]]
        kept = np.ones(lanes, bool)
        masked = re.search(r"\{k(\d)\}", text)
        if masked:
            kept = (self.mask[int(masked[1])] >> np.arange(lanes) & 1).astype(bool)

        def read(operand: str) -> np.ndarray:
            if "[" not in operand:
                return self.vector[self._index(operand), :lanes].copy()
            if "{1to" in operand or name == "vbroadcastss":
                return np.full(lanes, self._floats(operand, 1)[0])
            values = np.zeros(lanes, np.float32)
            values[kept] = self._floats(operand, lanes)[kept]
            return values

        if name == "vmovups" and "[" in operands[0]:
            values = read(operands[1])
            self._floats(operands[0], lanes)[kept] = values[kept]
            return
        sources = [read(one) for one in operands[1:3] if "mm" in one or "[" in one]
        target = self._index(operands[0])
        old = self.vector[target, :lanes]
        if name in ("vmovups", "vbroadcastss"):
            made = sources[0]
        elif name == "vfmadd231ps":
            made = old + sources[0].astype(np.float64) * sources[1]
        elif name == "vaddps":
            made = sources[0] + sources[1]
        elif name == "vmaxps":
            made = np.where(sources[0] > sources[1], *sources)
        elif name == "vminps":
            made = np.where(sources[0] < sources[1], *sources)
        elif name == "valignd":
            first = int(operands[3], 0)
            made = np.concatenate(sources[::-1])[first : first + lanes]
        elif name == "vpermps":
            made = sources[1][sources[0].view(np.int32) & lanes - 1]
        else:
            raise NotImplementedError(f"{name} {text}")
        kept_or_zero = 0 if "{z}" in text else old
        values = np.zeros(16, np.float32)
        values[:lanes] = np.where(kept, made, kept_or_zero)
        self.vector[target] = values

    @staticmethod
    def _index(operand: str) -> int:
        return int(re.match(r"[xyz]mm(\d+)", operand)[1])


def run(step: Step, code: bytes, arena: np.ndarray) -> None:
    """Visit every unit and vector of a step, as ext/emit/run.c does."""
    processor = Processor(code, step.base)
    source, target = (arena.ctypes.data + 4 * at for at in (step.src, step.dst))
    for unit in step.units[: step.n_units]:
        for vector in step.vectors[: step.n_vectors]:
            outs = [target + 4 * at for at in vector.out]
            more = More((outs[1], outs[2]), (vector.mask[1], vector.mask[2]))
            processor.call(
                unit.entry[vector.width],
                source + 4 * vector.start,
                unit.weights + WEIGHT_BIAS,
                outs[0],
                vector.mask[0],
                ctypes.addressof(more) if vector.split else 0,
            )


def follow(layer: Layer, form: Form, target: Form) -> Iterator[tuple[str, bool, str]]:
    """Follow every tuning worth timing: its name, whether it shifts in rows, faults."""
    node, binding = operands(layer, form, target)
    place, taps = place_conv(node, binding)
    table = on_one_grid(place.vectors, place.src)
    arguments = sparse_arguments(node, replace(place, vectors=table), taps)
    spec = sparse_spec(**arguments)
    clean = stored(layer, binding)
    places = binding.output.geometry.addresses()
    for name in worthwhile(spec, "avx512"):
        tuning = CodeShape.parse(name)
        check(tuning, spec, "avx512")
        plan = generated._plan(spec, tuning)
        native = module()
        made = native.conv_generated(spec, AVX512, plan)
        owner = native.generated_code(made)
        # The one field of the extension type lies behind the object's header.
        field = ctypes.c_void_p.from_address(id(owner) + object.__basicsize__)
        step = Step.from_address(field.value)
        assert step.base == owner.address
        arena = clean.copy()
        run(step, owner.code, arena)
        result = load(arena[places], binding.output.layout, layer.expected.shape)
        error = np.abs(result - layer.expected).max()
        arena[places] = clean[places]
        stray = (arena.view(np.int32) != clean.view(np.int32)).sum()
        right = error <= TOLERANCE * layer.scale and not stray
        fault = "" if right else f"off by {error:.3g}, {stray} floats beside"
        yield name, plan.in_row, fault
