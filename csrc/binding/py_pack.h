/* Columns of 0/1 packed to one number a row: pc_pack for Python. */
#ifndef PY_PACK_H
#define PY_PACK_H

#include "py_module.h"

/* pack(n, indicators, *, n_threads): see _core.pyi. */
PyObject *py_pack(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
