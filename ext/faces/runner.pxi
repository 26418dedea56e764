# The executor as Python sees it.
from core.executor cimport *

from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)


cdef class Runner:
    """Runs native steps; see workbench.kernels.reference.Runner."""

    cdef wb_executor *executor
    cdef tuple steps
    cdef int64_t floats
    cdef int64_t x_floats
    cdef int64_t y_floats

    def __cinit__(self, tuple steps, int64_t arena_floats, int threads, bint cold):
        cdef wb_sizes sizes
        cdef Step step
        cdef wb_call *calls = <wb_call *>malloc(len(steps) * sizeof(wb_call))
        if calls == NULL:
            raise MemoryError
        sizes.arena_floats = arena_floats
        sizes.threads = threads
        sizes.cold = cold
        sizes.scratch_floats = sizes.shared_floats = 0
        try:
            for i, item in enumerate(steps):
                step = <Step?>item
                floats_of(step.scratch_floats)
                floats_of(step.shared_floats)
                calls[i].fn = step.fn
                calls[i].args = step.args
                memset(calls[i].spans, 0, sizeof(calls[i].spans))
                memcpy(calls[i].spans, step.spans, sizeof(step.spans))
                sizes.scratch_floats = max(sizes.scratch_floats, step.scratch_floats)
                sizes.shared_floats = max(sizes.shared_floats, step.shared_floats)
                self.x_floats = max(self.x_floats, step.x_floats)
                self.y_floats = max(self.y_floats, step.y_floats)
            self.steps = steps
            self.floats = arena_floats
            self.executor = wb_executor_new(calls, <int>len(steps), sizes)
        finally:
            free(calls)
        if self.executor == NULL:
            raise MemoryError(f"an arena of {arena_floats} floats")

    def __dealloc__(self):
        if self.executor != NULL:
            wb_executor_free(self.executor)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, wb_executor_arena(self.executor),
                          self.floats * 4, 0, flags)

    @property
    def arena(self):
        """A view of the arena; it keeps the runner alive."""
        return np.frombuffer(self, dtype=np.float32)

    cdef void submit(self, wb_job job) except *:
        cdef int status
        with nogil:
            status = wb_executor_run(self.executor, job)
        if status != 0:
            raise OSError("threads could not be started; ask for fewer threads")

    def run(self, x, y):
        """Run all steps for each image."""
        self.run_range(x, y, 0, <int>len(self.steps))

    cpdef run_range(self, x, y, int first, int stop):
        """Run steps first..stop for each image."""
        cdef wb_job job
        cdef Py_buffer source, target
        job.first, job.stop, job.rounds = first, stop, <int>len(x)
        job.ns = NULL
        # Not .ctypes.data: that is Python, and cold after each run.
        PyObject_GetBuffer(x, &source, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(y, &target, PyBUF_WRITABLE)
            try:
                job.x, job.y = <const float *>source.buf, <float *>target.buf
                job.x_floats = source.len // (4 * max(1, job.rounds))
                job.y_floats = target.len // (4 * max(1, job.rounds))
                self.submit(job)
            finally:
                PyBuffer_Release(&target)
        finally:
            PyBuffer_Release(&source)

    def times(self, int first, int stop, int rounds):
        """Return nanoseconds of steps first..stop, shape (rounds, stop - first)."""
        cdef wb_job job
        ns = np.zeros((rounds, stop - first), dtype=np.int64)
        x = np.zeros(self.x_floats, dtype=np.float32)
        y = np.zeros(self.y_floats, dtype=np.float32)
        job.first, job.stop, job.rounds = first, stop, rounds
        job.x_floats = job.y_floats = 0
        job.x = <const float *>data(x)
        job.y = <float *>data(y)
        job.ns = <int64_t *>data(ns)
        self.submit(job)
        return ns

    def close(self):
        """Stop the threads until the next run."""
        with nogil:
            wb_executor_rest(self.executor)
