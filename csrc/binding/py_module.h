/*
 * What the module keeps: its types, the exceptions it raises, and large blocks of memory between calls.
 * One per interpreter that imports it.
 */
#ifndef PY_MODULE_H
#define PY_MODULE_H

#include "py_numpy.h"

#include "pc_mapping.h"
#include "pc_status.h"

typedef struct py_state {
    PyTypeObject *column_type;
    PyTypeObject *scores_type;
    PyObject *module;    /* itself, borrowed: arrays that hold memory of `kept` keep it alive */
    pc_mappings kept;    /* large blocks that one call leaves to the next */
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
