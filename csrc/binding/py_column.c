#include "py_column.h"

#include "py_error.h"

#include <string.h>

static const char *const type_names[PC_TYPE_END] = {
    [PC_BOOL] = "bool",       [PC_INT8] = "int8",       [PC_INT16] = "int16",
    [PC_INT32] = "int32",     [PC_INT64] = "int64",     [PC_UINT8] = "uint8",
    [PC_UINT16] = "uint16",   [PC_UINT32] = "uint32",   [PC_UINT64] = "uint64",
    [PC_FLOAT32] = "float32", [PC_FLOAT64] = "float64", [PC_BITS] = "bits",
    [PC_TEXT32] = "text32",   [PC_TEXT64] = "text64",   [PC_TEXT_VIEW] = "text_view",
    [PC_MADE] = "made",
};

const char *py_column_type_name(pc_type type)
{
    return type_names[type];
}

py_column *py_column_new(py_state *state, pc_type type, int64_t n_chunks, PyObject *name,
                         PyObject *owner)
{
    py_column *self = (py_column *)state->column_type->tp_alloc(state->column_type, 0);
    if (self == NULL) return NULL;
    self->name = Py_NewRef(name);
    self->owner = Py_NewRef(owner);
    self->chunks = PyMem_Calloc((size_t)n_chunks + 1, sizeof *self->chunks);
    self->starts = PyMem_Calloc((size_t)n_chunks + 1, sizeof *self->starts);
    if (self->chunks == NULL || self->starts == NULL) {
        Py_DECREF(self);
        PyErr_NoMemory();
        return NULL;
    }
    self->column.type = type;
    self->column.n_chunks = n_chunks;
    self->column.chunks = self->chunks;
    self->column.starts = self->starts;
    return self;
}

int py_column_finish(py_state *state, py_column *self)
{
    int64_t n = 0;
    for (int64_t k = 0; k < self->column.n_chunks; k++) {
        self->starts[k] = n;
        if (self->chunks[k].n > PC_MOST_ROWS - n) {
            py_error_fail(state, PC_ERR_LIMIT, "column", -1, self->name, "has too many rows");
            return -1;
        }
        n += self->chunks[k].n;
    }
    self->starts[self->column.n_chunks] = n;
    self->column.n = n;
    return 0;
}

/* Signed integers of any size; columns with a missing code are NumPy arrays of them: one chunk. */
static int64_t read_integer(const char *item, pc_type type)
{
    int8_t one;
    int16_t two;
    int32_t four;
    int64_t eight;
    switch (type) {
    case PC_INT8:
        return memcpy(&one, item, sizeof one), one;
    case PC_INT16:
        return memcpy(&two, item, sizeof two), two;
    case PC_INT32:
        return memcpy(&four, item, sizeof four), four;
    default:
        return memcpy(&eight, item, sizeof eight), eight;
    }
}

int64_t py_column_first_missing_code(const py_column *self)
{
    const char *item = self->chunks[0].data;
    for (int64_t i = 0; i < self->column.n; i++, item += self->chunks[0].stride)
        if (read_integer(item, self->column.type) == self->missing_code) return i;
    return -1;
}

static void column_dealloc(PyObject *object)
{
    py_column *self = (py_column *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->chunks);
    PyMem_Free(self->starts);
    Py_XDECREF(self->name);
    Py_XDECREF(self->owner);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *column_repr(PyObject *object)
{
    const py_column *self = (const py_column *)object;
    return PyUnicode_FromFormat("<Column %R: %s, %lld rows>", self->name,
                                type_names[self->column.type], (long long)self->column.n);
}

static Py_ssize_t column_length(PyObject *object)
{
    return (Py_ssize_t)((const py_column *)object)->column.n;
}

static PyObject *column_name(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((const py_column *)object)->name);
}

static PyObject *column_type(PyObject *object, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(type_names[((const py_column *)object)->column.type]);
}

static PyObject *column_n(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromLongLong((long long)((const py_column *)object)->column.n);
}

static PyObject *column_is_complete(PyObject *object, void *closure)
{
    (void)closure;
    const py_column *self = (const py_column *)object;
    return PyBool_FromLong(!self->has_missing_code && pc_column_is_complete(&self->column));
}

static PyObject *column_n_chunks(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromLongLong((long long)((const py_column *)object)->column.n_chunks);
}

/* Where each chunk's first element lies: a test compares it with the address of the input. */
static PyObject *column_addresses(PyObject *object, void *closure)
{
    (void)closure;
    const py_column *self = (const py_column *)object;
    PyObject *list = PyList_New((Py_ssize_t)self->column.n_chunks);
    if (list == NULL) return NULL;
    for (int64_t k = 0; k < self->column.n_chunks; k++) {
        PyObject *address = PyLong_FromVoidPtr((void *)(uintptr_t)self->chunks[k].data);
        if (address == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)k, address);
    }
    return list;
}

static PyGetSetDef column_attributes[] = {
    {"name", column_name, NULL, "Name of the column, for messages.", NULL},
    {"type", column_type, NULL, "Type in memory: 'int32', 'text64' ...", NULL},
    {"n", column_n, NULL, "Number of rows.", NULL},
    {"is_complete", column_is_complete, NULL, "Whether its type says that no row is missing.", NULL},
    {"n_chunks", column_n_chunks, NULL, "Number of pieces the rows lie in.", NULL},
    {"addresses", column_addresses, NULL, "Address of each piece's first element.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot column_slots[] = {
    PY_SLOT(Py_tp_dealloc, column_dealloc),
    PY_SLOT(Py_tp_repr, column_repr),
    PY_SLOT(Py_sq_length, column_length),
    {Py_tp_getset, column_attributes},
    {Py_tp_doc, (void *)(uintptr_t) "An immutable view of one column; it keeps the owner alive."},
    {0, NULL},
};

static PyType_Spec column_spec = {
    .name = "povertycore._core.Column",
    .basicsize = sizeof(py_column),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = column_slots,
};

int py_column_make_type(PyObject *module, py_state *state)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &column_spec, NULL);
    if (type == NULL) return -1;
    state->column_type = (PyTypeObject *)type;
    return PyModule_AddType(module, state->column_type);
}
