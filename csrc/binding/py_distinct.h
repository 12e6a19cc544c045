/* Which combinations of integer keys occur. */
#ifndef PY_DISTINCT_H
#define PY_DISTINCT_H

#include "py_module.h"

/* distinct(n, keys): see _core.pyi. */
PyObject *py_distinct(PyObject *module, PyObject *args);

#endif
