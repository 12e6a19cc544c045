/* Parts of estimates by sampling unit: sorting, combining, variances, covariances, counts. */
#ifndef PY_LINVAR_H
#define PY_LINVAR_H

#include "py_module.h"

/* See _core.pyi. */
PyObject *py_linvar_sort(PyObject *module, PyObject *args);
PyObject *py_linvar_parts(PyObject *module, PyObject *args);
PyObject *py_linvar_figures(PyObject *module, PyObject *args);
PyObject *py_linvar_combine(PyObject *module, PyObject *args);
PyObject *py_linvar_variance(PyObject *module, PyObject *args);
PyObject *py_linvar_cov(PyObject *module, PyObject *args);
PyObject *py_linvar_count(PyObject *module, PyObject *args);

#endif
