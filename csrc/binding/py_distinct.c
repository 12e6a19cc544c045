#include "py_distinct.h"

#include "pc_distinct.h"
#include "py_column.h"
#include "py_error.h"
#include "py_host.h"

/* Where the keys are of another kind, the caller counts them another way. */
static bool is_another_kind(pc_status status)
{
    return status == PC_ERR_TYPE || status == PC_ERR_LIMIT || status == PC_ERR_MISSING;
}

/* A list of one array per key; NULL with an exception set. */
static PyObject *values_of(const pc_distinct *distinct, int64_t n_keys)
{
    npy_intp count = (npy_intp)pc_distinct_count(distinct);
    PyObject *values = PyList_New((Py_ssize_t)n_keys);
    for (int64_t k = 0; values != NULL && k < n_keys; k++) {
        PyObject *value = PyArray_SimpleNew(1, &count, NPY_INT64);
        if (value == NULL) {
            Py_DECREF(values);
            return NULL;
        }
        pc_distinct_read(distinct, k, PyArray_DATA((PyArrayObject *)value));
        PyList_SET_ITEM(values, (Py_ssize_t)k, value);
    }
    return values;
}

/* Whether some combination has a value that stands for missing. */
static bool is_missing_somewhere(PyObject *values, PyObject *keys)
{
    for (Py_ssize_t k = 0; k < PyList_GET_SIZE(values); k++) {
        const py_column *key = (const py_column *)PyTuple_GET_ITEM(keys, k);
        PyArrayObject *array = (PyArrayObject *)PyList_GET_ITEM(values, k);
        const int64_t *value = PyArray_DATA(array);
        for (npy_intp i = 0; key->has_missing_code && i < PyArray_DIM(array, 0); i++)
            if (value[i] == key->missing_code) return true;
    }
    return false;
}

static PyObject *run(py_state *state, int64_t n, int64_t n_keys, const pc_column *const *keys)
{
    pc_context ctx;
    py_host host;
    PyObject *result = NULL;
    pc_context_init(&ctx);
    py_host_begin(&host, &ctx);
    pc_distinct *distinct = pc_distinct_new(&ctx, n, n_keys, keys);
    py_host_end(&host);
    if (distinct == NULL && is_another_kind(ctx.error.status) && !PyErr_Occurred())
        result = Py_NewRef(Py_None);
    else if (distinct == NULL) py_error_raise(state, &ctx.error, NULL);
    else if (!PyErr_Occurred()) result = values_of(distinct, n_keys);
    pc_distinct_free(&ctx, distinct);
    return result;
}

PyObject *py_distinct(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    const pc_column *keys[PC_DISTINCT_MOST_KEYS];
    long long n;
    PyObject *sequence;
    if (!PyArg_ParseTuple(args, "LO:distinct", &n, &sequence)) return NULL;
    if (n < 0)
        return py_error_fail(state, PC_ERR_LENGTH, "n", -1, NULL, "is negative; it counts rows");
    if (n > PC_MOST_ROWS)
        return py_error_fail(state, PC_ERR_LIMIT, "n", -1, NULL, "is more rows than columns can have");
    PyObject *tuple = PySequence_Tuple(sequence);
    if (tuple == NULL) return NULL;
    const int64_t n_keys = (int64_t)PyTuple_GET_SIZE(tuple);
    PyObject *result = NULL;
    const bool are_few = n_keys <= PC_DISTINCT_MOST_KEYS;
    bool are_columns = true;
    for (int64_t k = 0; are_few && are_columns && k < n_keys; k++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, (Py_ssize_t)k);
        are_columns = Py_IS_TYPE(item, state->column_type);
        if (are_columns) keys[k] = &((py_column *)item)->column;
    }
    if (!are_columns) py_error_fail(state, PC_ERR_TYPE, "key", -1, NULL, "is not a Column");
    else if (!are_few) result = Py_NewRef(Py_None);
    else result = run(state, (int64_t)n, n_keys, keys);
    if (result != NULL && result != Py_None && is_missing_somewhere(result, tuple)) {
        Py_DECREF(result);
        result = Py_NewRef(Py_None);
    }
    Py_DECREF(tuple);
    return result;
}
