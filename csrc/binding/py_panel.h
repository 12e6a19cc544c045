/* The same household in two periods: see _core.pyi. */
#ifndef PY_PANEL_H
#define PY_PANEL_H

#include "py_module.h"

PyObject *py_panel_count(PyObject *module, PyObject *args);
PyObject *py_panel_match(PyObject *module, PyObject *args);
PyObject *py_panel_range(PyObject *module, PyObject *columns);
PyObject *py_panel_codes(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
