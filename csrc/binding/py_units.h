/* The sampling units of a file as a column. */
#ifndef PY_UNITS_H
#define PY_UNITS_H

#include "py_module.h"

/* units_column(keys, values, unit, n_units, name=""): see _core.pyi. */
PyObject *py_units_column(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
