/* Poverty scores: pc_fgt for Python. */
#ifndef PY_FGT_H
#define PY_FGT_H

#include "py_module.h"

/* fgt_scores(welfare, lines, scores, at_or_below): see _core.pyi. */
PyObject *py_fgt_scores(PyObject *module, PyObject *args);

#endif
