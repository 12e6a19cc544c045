/* NumPy arrays: as columns without a copy, and as plain C arrays. */
#ifndef PY_ARRAY_H
#define PY_ARRAY_H

#include "py_module.h"

/* column_array(values, mask=None, name=""): see _core.pyi. */
PyObject *py_column_array(PyObject *module, PyObject *args, PyObject *kwargs);

/* A new array, not initialised. A large one lies in memory of the core's (pc_mapping): what was used before
 * need not be cleared. NULL with an exception set. */
PyObject *py_array_new(py_state *state, int n_dims, const npy_intp *shape, int type);

/* The elements of a contiguous one-dimensional array of int64, uint64 or double (type NPY_INT64, ...), and
 * their number; *n >= 0 is how many there must be. NULL with an exception set when it is none. */
void *py_array_elements(py_state *state, PyObject *object, int type, const char *what, int64_t *n);

/* The same of a two-dimensional array of double in C order; *n_rows and *n say how many there are. */
void *py_array_matrix(py_state *state, PyObject *object, const char *what, int64_t *n_rows,
                      int64_t *n);

#endif
