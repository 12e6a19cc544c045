/*
 * `povertycore._core.Column`: a pc_column with the object that owns its memory.
 *
 * A Column is an immutable view. It keeps its owner alive (a tuple of NumPy arrays, or a capsule of
 * Arrow batches) and owns nothing but the list of chunks.
 */
#ifndef PY_COLUMN_H
#define PY_COLUMN_H

#include "py_module.h"

#include "pc_column.h"

typedef struct py_column {
    PyObject_HEAD pc_column column;
    PyObject *name;
    PyObject *owner;
    pc_chunk *chunks; /* column.chunks and column.starts point here; from PyMem_Malloc */
    int64_t *starts;
    bool has_missing_code; /* an integer that stands for missing, as -1 in pandas codes: the core */
    int64_t missing_code; /* groups it like any other, and the group is called missing afterwards */
} py_column;

/* Make the type and keep it in state. 0, or -1 with an exception set. */
int py_column_make_type(PyObject *module, py_state *state);

/* A column of n_chunks zeroed chunks; the caller fills them, then calls py_column_finish. Takes new
 * references to name and owner. NULL with an exception set on failure. */
py_column *py_column_new(py_state *state, pc_type type, int64_t n_chunks, PyObject *name,
                         PyObject *owner);

/* Number the rows: starts and n from the chunks. 0, or -1 with an exception set for too many rows. */
int py_column_finish(py_state *state, py_column *self);

/* The first row that holds the column's missing code; -1 if none does. */
int64_t py_column_first_missing_code(const py_column *self);

/* The word for a type ("int32", "text64" ...). */
const char *py_column_type_name(pc_type type);

#endif
