/* Text that stands in Python objects as small codes. */
#ifndef PY_GROUP_H
#define PY_GROUP_H

#include "py_module.h"

/* encode_objects(values): see _core.pyi. */
PyObject *py_encode_objects(PyObject *module, PyObject *values);

#endif
