# Generated code as Python sees it: making steps, and the encoder for its tests.
from core.wb cimport *
from emit.encoder cimport *
from emit.memory cimport *
from emit.step cimport *


cdef class Generated:
    """Owner of one step's code and weights."""

    cdef wb_emit *c

    def __dealloc__(self):
        wb_emit_free(self.c)

    @property
    def address(self):
        """Address of the first byte of code."""
        return <size_t>wb_emit_code(self.c)

    @property
    def code(self):
        """A copy of the code."""
        return (<const char *>wb_emit_code(self.c))[: wb_emit_code_bytes(self.c)]


def emit_probe():
    """Return 0 when this process may run code that it generates, else an errno."""
    return wb_code_probe()


def emit_has_curve(act, int isa):
    """Say whether there is code for an activation in an instruction set."""
    return bool(wb_emit_has_curve(isa, act_of(act)))


def conv_generated(spec, int isa, plan):
    """Return the step of a checked ConvSparse as code, or a wb_emit_status.

    `plan` is a generated.Plan.
    """
    cdef wb_emit_spec how
    cdef wb_emit_status status = 0
    cdef Generated owner = Generated.__new__(Generated)
    cdef list keep = []
    tuning = plan.tuning
    how.n_rows = spec.indptr.size - 1
    how.indptr = <const int32_t *>data(spec.indptr)
    how.offsets = <const int32_t *>data(spec.offsets)
    how.values = <const float *>data(spec.values)
    how.bias = <const float *>data(own(keep, spec.bias, np.float32))
    how.order = <const int32_t *>data(own(keep, plan.order, np.int32))
    how.place = place_of(spec.place, keep)
    how.isa = isa
    how.group, how.parts, how.band = tuning.group, tuning.parts, tuning.band
    how.by_rows, how.narrow = tuning.rows, tuning.narrow
    how.shift = WB_SHIFT_NEVER
    if tuning.shift:
        how.shift = WB_SHIFT_IN_ROW if plan.in_row else WB_SHIFT_LINES
    how.code_limit = plan.code_limit
    with nogil:
        owner.c = wb_emit_create(&how, &status)
    if owner.c == NULL:
        return status
    cdef Step step = Step.__new__(Step)
    step.args = malloc(wb_emit_size())
    if step.args == NULL:
        raise MemoryError
    memcpy(step.args, owner.c, wb_emit_size())
    step.fn = wb_emit_run
    step.keep = [owner]
    step.kernel = f"wb_f32_conv_generated_{tuning.group}x16__{wb_isa_name(isa).decode()}"
    step.macs = spec.values.size * spec.place.vectors.pixels
    step.bytes = wb_emit_code_bytes(owner.c) + wb_emit_weight_bytes(owner.c)
    step.spans[0].at = wb_emit_code(owner.c)
    step.spans[0].bytes = wb_emit_code_bytes(owner.c)
    step.spans[1].at = wb_emit_weights(owner.c)
    step.spans[1].bytes = wb_emit_weight_bytes(owner.c)
    step.extent = plan.extent
    step.size = wb_emit_size()
    if wb_emit_vectors(owner.c) == spec.place.vectors.count:
        low, high = reach_of(spec.offsets)
        step.channels = how.n_rows
        step.divisible = spec.place
        step.reach = (low - 16, high + 16) if tuning.shift else (low, high)
    return step


def generated_code(Step step):
    """Return the Generated that owns the code of a step of conv_generated."""
    return step.keep[0]


def emit_operations():
    """Return (name, mnemonic, sources, has immediate, VEX, EVEX) of every vector op."""
    rows = []
    for op in range(WB_OP_COUNT):
        info = wb_op_info(op)
        rows.append((info.name.decode(), info.mnemonic.decode(), info.sources,
                     bool(info.has_imm), bool(info.vex), bool(info.evex)))
    return rows


def emit_vector(int op, int width, tuple regs, dict how):
    """Return the bytes of one vector instruction.

    regs = (dst, src); how may hold mask, zero, broadcast, imm, and either last, a
    register, or base and disp; vex asks for the shorter form.
    """
    cdef uint8_t room[32]
    cdef wb_code code
    cdef wb_vector v
    cdef int space = how.get("room", 32)
    code.at = room
    code.end = room + space
    code.overflow = 0
    v.op = <wb_op>op
    v.width = <wb_width>width
    v.dst, v.src = regs
    v.mask, v.zero = how.get("mask", 0), how.get("zero", 0)
    v.broadcast, v.imm = how.get("broadcast", 0), how.get("imm", 0)
    if "last" in how:
        if how.get("vex"):
            wb_vex_reg(&code, v, how["last"])
        else:
            wb_evex_reg(&code, v, how["last"])
    elif how.get("vex"):
        wb_vex_mem(&code, v, how["base"], how["disp"])
    else:
        wb_evex_mem(&code, v, how["base"], how["disp"])
    if code.overflow:
        return None
    return (<const char *>room)[: code.at - room]


def emit_other(str name, int a=0, int b=0, int c=0):
    """Return the bytes of one instruction that is not a vector operation."""
    cdef uint8_t room[64]
    cdef wb_code code
    cdef uint8_t *jump
    code.at = room
    code.end = room + sizeof(room)
    code.overflow = 0
    if name == "kmov_gpr":
        wb_kmov_gpr(&code, a, b)
    elif name == "kmov_mem":
        wb_kmov_mem(&code, a, b, c)
    elif name == "mov_load":
        wb_mov_load(&code, a, b, c)
    elif name == "mov_imm":
        wb_mov_imm(&code, a, b)
    elif name == "add_imm":
        wb_add_imm(&code, a, b)
    elif name == "test":
        wb_test(&code, a)
    elif name == "jnz":
        jump = wb_jnz_forward(&code)
        for _ in range(a):
            wb_ret(&code)
        wb_land(&code, jump)
    elif name == "vzeroupper":
        wb_vzeroupper(&code)
    elif name == "endbr":
        wb_endbr(&code)
    elif name == "ret":
        wb_ret(&code)
    else:
        raise ValueError(f"no instruction {name!r}")
    return (<const char *>room)[: code.at - room]
