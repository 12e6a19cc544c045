/*
 * `povertycore._core.Scores`: scores that a kernel makes of columns, for `total(..., made=...)`.
 *
 * A Scores is immutable. It keeps its Columns alive, and owns the description that the core reads.
 */
#ifndef PY_SCORE_H
#define PY_SCORE_H

#include "py_module.h"

#include "pc_score.h"

/* Columns from `first` on play this role in errors of the core. */
typedef struct py_score_role {
    const char *name; /* NULL: no more roles */
    Py_ssize_t first;
} py_score_role;

enum { PY_SCORE_ROLES = 2 };

typedef struct py_scores {
    PyObject_HEAD pc_scores scores;
    PyObject *columns; /* tuple of Column */
    void *made;        /* from PyMem_Malloc: what scores.maker points to */
    py_score_role roles[PY_SCORE_ROLES];
} py_scores;

/* Make the type and keep it in state. 0, or -1 with an exception set. */
int py_score_make_type(PyObject *module, py_state *state);

/* Takes over the references to `columns` and the block `made`, also when it fails. NULL with an exception
 * set on failure. */
PyObject *py_score_new(py_state *state, pc_scores scores, PyObject *columns, void *made,
                       const py_score_role roles[PY_SCORE_ROLES]);

/* A new tuple of the columns of a sequence; each must be a Column. NULL with an exception set. */
PyObject *py_score_columns(py_state *state, PyObject *sequence, const char *role);

/* pointers [length of the tuple] to the columns of a tuple of Columns. */
void py_score_point(PyObject *columns, const pc_column **pointers);

/* The name of the column that an error of the core is about; NULL when it is about none of these. */
PyObject *py_score_column_at_fault(const py_scores *self, const pc_error *err);

/* product_scores(columns, centres, products): see _core.pyi. */
PyObject *py_product_scores(PyObject *module, PyObject *args);

#endif
