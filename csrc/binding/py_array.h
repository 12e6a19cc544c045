/* One-dimensional NumPy arrays as columns, without a copy. */
#ifndef PY_ARRAY_H
#define PY_ARRAY_H

#include "py_module.h"

/* column_array(values, mask=None, name=""): see _core.pyi. */
PyObject *py_column_array(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
