/* Rankings of groups under many weightings: pc_af for Python. */
#ifndef PY_AF_H
#define PY_AF_H

#include "py_module.h"

/* af(share, baseline, measures, score, value, cutoff=None, *, n_threads): see _core.pyi. */
PyObject *py_af(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
