#include "py_argument.h"

#include "py_column.h"
#include "py_error.h"

int py_argument_take_columns(py_state *state, py_argument *role)
{
    role->n = (int64_t)PyTuple_GET_SIZE(role->tuple);
    role->columns = PyMem_Calloc((size_t)role->n + 1, sizeof *role->columns);
    if (role->columns == NULL) return PyErr_NoMemory(), -1;
    for (int64_t k = 0; k < role->n; k++) {
        PyObject *item = PyTuple_GET_ITEM(role->tuple, (Py_ssize_t)k);
        if (!Py_IS_TYPE(item, state->column_type)) {
            py_error_fail(state, PC_ERR_TYPE, role->name, -1, NULL, "is not a Column");
            return -1;
        }
        role->columns[k] = &((py_column *)item)->column;
    }
    return 0;
}

int py_argument_take_one(py_state *state, py_argument *role, PyObject *column)
{
    role->tuple = column == Py_None ? PyTuple_New(0) : PyTuple_Pack(1, column);
    return role->tuple == NULL ? -1 : py_argument_take_columns(state, role);
}

int py_argument_take_many(py_state *state, py_argument *role, PyObject *sequence)
{
    role->tuple = sequence == NULL ? PyTuple_New(0) : PySequence_Tuple(sequence);
    return role->tuple == NULL ? -1 : py_argument_take_columns(state, role);
}

void py_argument_free(py_argument *role)
{
    PyMem_Free((void *)role->columns);
    Py_XDECREF(role->tuple);
}

const pc_column *py_argument_only(const py_argument *role)
{
    return role->n == 0 ? NULL : role->columns[0];
}

PyObject *py_argument_column_name(const py_argument *role, int64_t which)
{
    return ((py_column *)PyTuple_GET_ITEM(role->tuple, (Py_ssize_t)which))->name;
}

int py_put(PyObject *result, const char *word, PyObject *value)
{
    if (value == NULL) return -1;
    const int failed = PyDict_SetItemString(result, word, value);
    Py_DECREF(value);
    return failed;
}

void *py_put_array(PyObject *result, const char *word, int type, int64_t n_rows, int64_t n)
{
    npy_intp shape[2] = {(npy_intp)n_rows, (npy_intp)n};
    const int n_dims = n_rows < 0 ? 1 : 2;
    PyObject *array = PyArray_SimpleNew(n_dims, n_dims == 1 ? shape + 1 : shape, type);
    if (py_put(result, word, array) < 0) return NULL;
    return PyArray_DATA((PyArrayObject *)array);
}
