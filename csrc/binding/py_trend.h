/* Trends of many series at once. */
#ifndef PY_TREND_H
#define PY_TREND_H

#include "py_module.h"

/* See _core.pyi. */
PyObject *py_trend_line(PyObject *module, PyObject *args);
PyObject *py_trend_sen(PyObject *module, PyObject *args);
PyObject *py_trend_kendall(PyObject *module, PyObject *args);

#endif
