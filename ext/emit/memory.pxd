# What Cython needs to know of memory.h.

cdef extern from "emit/memory.h" nogil:
    int wb_code_probe()
