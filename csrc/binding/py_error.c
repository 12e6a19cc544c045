#include "py_error.h"

#include <string.h>

/* The one table: which class of povertycore.errors a status becomes. PC_ERR_INTERRUPTED has none:
 * the exception that Python's signal handler raised is pending and goes on. */
static const struct {
    pc_status status;
    const char *name;
} classes[] = {
    {PC_ERR_MEMORY, "OutOfMemoryError"}, {PC_ERR_LENGTH, "LengthError"},
    {PC_ERR_VALUE, "ValueRangeError"},   {PC_ERR_MISSING, "MissingValueError"},
    {PC_ERR_GROUP, "GroupCodeError"},    {PC_ERR_TYPE, "DTypeError"},
    {PC_ERR_LIMIT, "LimitError"},        {PC_ERR_INTERNAL, "InternalError"},
};

int py_error_import(py_state *state)
{
    PyObject *module = PyImport_ImportModule("povertycore.errors");
    if (module == NULL) return -1;
    for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) {
        PyObject *class = PyObject_GetAttrString(module, classes[k].name);
        if (class == NULL) {
            Py_DECREF(module);
            return -1;
        }
        Py_XSETREF(state->errors[classes[k].status], class);
    }
    Py_DECREF(module);
    return 0;
}

/* "weight[1042]", or "weight" where no row is at fault. */
static PyObject *place(const char *argument, int64_t row)
{
    if (row < 0) return PyUnicode_FromString(argument);
    return PyUnicode_FromFormat("%s[%lld]", argument, (long long)row);
}

/* The column's name goes before the semicolon that starts what was expected. */
static PyObject *sentence(const char *argument, int64_t row, PyObject *column, const char *message)
{
    PyObject *where = place(argument, row);
    if (where == NULL) return NULL;
    PyObject *text;
    const char *expected = strchr(message, ';');
    const Py_ssize_t head =
        expected == NULL ? (Py_ssize_t)strlen(message) : (Py_ssize_t)(expected - message);
    PyObject *found = PyUnicode_DecodeUTF8(message, head, "replace");
    if (found == NULL) {
        Py_DECREF(where);
        return NULL;
    }
    if (column != NULL && PyObject_IsTrue(column) == 1)
        text = PyUnicode_FromFormat("%U %U (column %R)%s", where, found, column,
                                    expected == NULL ? "" : expected);
    else
        text = PyUnicode_FromFormat("%U %U%s", where, found, expected == NULL ? "" : expected);
    Py_DECREF(found);
    Py_DECREF(where);
    return text;
}

static int set_details(PyObject *exception, const char *argument, int64_t row, PyObject *column)
{
    PyObject *name = PyUnicode_FromString(argument);
    if (name == NULL) return -1;
    int failed = PyObject_SetAttrString(exception, "argument", name);
    Py_DECREF(name);
    if (failed) return -1;
    if (column != NULL && PyObject_SetAttrString(exception, "column", column)) return -1;
    if (row < 0) return 0;
    PyObject *number = PyLong_FromLongLong((long long)row);
    if (number == NULL) return -1;
    failed = PyObject_SetAttrString(exception, "row", number);
    Py_DECREF(number);
    return failed;
}

PyObject *py_error_fail(py_state *state, pc_status status, const char *argument, int64_t row,
                        PyObject *column, const char *message)
{
    if (PyErr_Occurred()) return NULL;
    if (status <= PC_OK || status >= PC_STATUS_END || state->errors[status] == NULL)
        status = PC_ERR_INTERNAL;
    PyObject *text = sentence(argument, row, column, message);
    if (text == NULL) return NULL;
    PyObject *exception = PyObject_CallOneArg(state->errors[status], text);
    Py_DECREF(text);
    if (exception == NULL) return NULL;
    if (set_details(exception, argument, row, column) == 0)
        PyErr_SetObject(state->errors[status], exception);
    Py_DECREF(exception);
    return NULL;
}

PyObject *py_error_raise(py_state *state, const pc_error *err, PyObject *column)
{
    return py_error_fail(state, err->status, err->argument, err->index, column, err->message);
}
