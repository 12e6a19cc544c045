/*
 * From a status of the core to a Python exception: the only place where the two meet.
 *
 * The core says what is wrong as "is negative; weights must be finite and >= 0", with the argument
 * and the row beside it. Here that becomes
 *     weight[1042] is negative (column 'w'); weights must be finite and >= 0
 * and the exception carries .argument, .column and .row.
 */
#ifndef PY_ERROR_H
#define PY_ERROR_H

#include "py_module.h"

/* Fill state->errors from povertycore.errors. 0, or -1 with an exception set. */
int py_error_import(py_state *state);

/* Raise what err says; column is the name of the column at fault, or NULL. An exception already
 * pending (the KeyboardInterrupt that stopped the core) stays. Always returns NULL. */
PyObject *py_error_raise(py_state *state, const pc_error *err, PyObject *column);

/* The same from loose parts, for what only the binding can see. row -1: none. Returns NULL. */
PyObject *py_error_fail(py_state *state, pc_status status, const char *argument, int64_t row,
                        PyObject *column, const char *message);

#endif
