#include "py_units.h"

#include "pc_units.h"
#include "py_argument.h"
#include "py_array.h"
#include "py_column.h"
#include "py_error.h"
#include "py_host.h"

/* What the column's owner holds: the units, in memory of a context of their own, and the keys that they read. */
typedef struct held {
    pc_context ctx;
    pc_units *units;
    PyObject *keys;
} held;

static const char held_name[] = "povertycore.units";

static void release_held(PyObject *capsule)
{
    held *own = PyCapsule_GetPointer(capsule, held_name);
    pc_units_free(&own->ctx, own->units);
    Py_XDECREF(own->keys);
    PyMem_Free(own);
}

static PyObject *held_new(PyObject *keys, held **out)
{
    held *own = PyMem_Calloc(1, sizeof *own);
    if (own == NULL) return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(own, held_name, release_held);
    if (capsule == NULL) {
        PyMem_Free(own);
        return NULL;
    }
    pc_context_init(&own->ctx);
    own->keys = Py_NewRef(keys);
    *out = own;
    return capsule;
}

/* The values of each key: a tuple of arrays of n int64. 0, or -1 with an exception set. */
static int take_values(py_state *state, PyObject *arrays, int64_t n_keys, int64_t n,
                       const int64_t **value)
{
    if ((int64_t)PyTuple_GET_SIZE(arrays) != n_keys) {
        py_error_fail(state, PC_ERR_LENGTH, "values", -1, NULL, "must be as many as the keys");
        return -1;
    }
    for (int64_t k = 0; k < n_keys; k++) {
        value[k] = py_array_elements(state, PyTuple_GET_ITEM(arrays, (Py_ssize_t)k), NPY_INT64, "values", &n);
        if (value[k] == NULL) return -1;
    }
    return 0;
}

/* Make the units. 0, or -1 with an exception set. */
static int make(py_state *state, held *own, const py_argument *keys, int64_t n, const int64_t *const *value,
                const int64_t *unit, int64_t n_units)
{
    py_host host;
    py_host_begin(&host, &own->ctx);
    own->units = pc_units_new(&own->ctx, keys->n, keys->columns, n, value, unit, n_units);
    py_host_end(&host);
    own->ctx.should_stop = NULL; /* the host is gone when this returns */
    own->ctx.host = NULL;
    if (own->units == NULL) py_error_raise(state, &own->ctx.error, NULL);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *column_of(py_state *state, PyObject *capsule, const held *own, PyObject *name)
{
    py_column *self = py_column_new(state, PC_MADE, 0, name, capsule);
    if (self == NULL) return NULL;
    const pc_column *column = pc_units_column(own->units);
    self->column.n = column->n;
    self->column.numbers = column->numbers;
    return (PyObject *)self;
}

PyObject *py_units_column(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"keys", "values", "unit", "n_units", "name", NULL};
    py_state *state = py_module_state(module);
    PyObject *sequence, *value_sequence, *unit_array, *name = NULL, *result = NULL, *capsule = NULL;
    PyObject *arrays = NULL;
    const int64_t *value[PC_UNITS_MOST_KEYS];
    long long n_units;
    int64_t n = -1;
    held *own = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOL|U:units_column", words, &sequence, &value_sequence,
                                     &unit_array, &n_units, &name))
        return NULL;
    py_argument keys = {.name = "key"};
    name = name == NULL ? PyUnicode_FromString("") : Py_NewRef(name);
    if (name == NULL || py_argument_take_many(state, &keys, sequence) < 0) goto done;
    if (keys.n > PC_UNITS_MOST_KEYS) {
        py_error_fail(state, PC_ERR_LIMIT, "key", -1, NULL, "are too many columns");
        goto done;
    }
    const int64_t *unit = py_array_elements(state, unit_array, NPY_INT64, "unit", &n);
    arrays = unit == NULL ? NULL : PySequence_Tuple(value_sequence);
    if (arrays == NULL || take_values(state, arrays, keys.n, n, value) < 0) goto done;
    capsule = held_new(keys.tuple, &own);
    if (capsule != NULL && make(state, own, &keys, n, value, unit, (int64_t)n_units) == 0)
        result = column_of(state, capsule, own, name);
done:
    Py_XDECREF(capsule);
    Py_XDECREF(arrays);
    Py_XDECREF(name);
    py_argument_free(&keys);
    return result;
}
