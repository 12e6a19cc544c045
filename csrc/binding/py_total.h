/* Weighted totals by cell: pc_total for Python. */
#ifndef PY_TOTAL_H
#define PY_TOTAL_H

#include "py_module.h"

/* total(n, keys, *, weight, size, where, flags, values, pairs, made, keep_missing, profile,
 * expected_groups, n_threads): see
 * _core.pyi. */
PyObject *py_total(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
