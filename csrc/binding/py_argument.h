/* Arguments that are columns, and results that are dictionaries of arrays. */
#ifndef PY_ARGUMENT_H
#define PY_ARGUMENT_H

#include "py_module.h"

#include "pc_column.h"
#include "py_numpy.h"

#include <stdint.h>

/* Columns of one role. The tuple holds references while the GIL is given up: the caller's list may
 * change under our feet. */
typedef struct py_argument {
    const char *name;
    PyObject *tuple;
    const pc_column **columns; /* [n] */
    int64_t n;
} py_argument;

/* A column or None, and a sequence of columns (NULL: none). 0, or -1 with an exception set; then too the
 * argument must be freed. */
int py_argument_take_one(py_state *state, py_argument *role, PyObject *column);
int py_argument_take_many(py_state *state, py_argument *role, PyObject *sequence);
/* The columns of role->tuple, which is set. */
int py_argument_take_columns(py_state *state, py_argument *role);
void py_argument_free(py_argument *role);

/* The column, or NULL where there is none. */
const pc_column *py_argument_only(const py_argument *role);

/* The name of column `which` of it, which < n. Borrowed. */
PyObject *py_argument_column_name(const py_argument *role, int64_t which);

/* Put a new reference into the dictionary and give it up. 0, or -1 with an exception set. */
int py_put(PyObject *result, const char *word, PyObject *value);

/* An array [n_rows x n] that the dictionary owns, or [n] where n_rows is PY_ONE_ROW; where to write its values,
 * or NULL with an exception set. */
enum { PY_ONE_ROW = -1 };
void *py_put_array(PyObject *result, const char *word, int type, int64_t n_rows, int64_t n);

#endif
