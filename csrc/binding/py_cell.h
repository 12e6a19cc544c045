/* Sums over the cells of a profile table. */
#ifndef PY_CELL_H
#define PY_CELL_H

#include "py_module.h"

/* cell_sums(start, profile, weight, factor, ...): see _core.pyi. */
PyObject *py_cell_sums(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
