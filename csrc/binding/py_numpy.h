/*
 * Python and NumPy as every binding file sees them. Only py_module.c imports NumPy's table; it
 * defines PY_NUMPY_IMPORT first.
 */
#ifndef PY_NUMPY_H
#define PY_NUMPY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL povertycore_numpy_api
#ifndef PY_NUMPY_IMPORT
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#endif
