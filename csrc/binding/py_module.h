/*
 * What the module keeps: its types and the exceptions it raises. One per interpreter that imports
 * it.
 */
#ifndef PY_MODULE_H
#define PY_MODULE_H

#include "py_numpy.h"

#include "pc_status.h"

typedef struct py_state {
    PyTypeObject *column_type;
    PyTypeObject *scores_type;
    PyObject *errors[PC_STATUS_END]; /* exception class of each status, NULL where there is none */
} py_state;

/* The state of the module; never NULL while the module lives. */
py_state *py_module_state(PyObject *module);

/* A function pointer in a slot table: ISO C has no word for it, every Python platform has. */
#define PY_SLOT(id, function)                                                                      \
    {                                                                                              \
        (id), __extension__(void *)(function)                                                      \
    }

#endif
