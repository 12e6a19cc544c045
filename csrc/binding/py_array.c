#include "py_array.h"

#include "pc_memory.h"
#include "py_column.h"
#include "py_error.h"

/* ---- new arrays ---------------------------------------------------------------------------------- */

/* Memory as the module keeps it: counters that nobody reads, and its blocks. */
static pc_memory memory_of(py_state *state)
{
    pc_memory memory;
    pc_memory_init(&memory);
    memory.kept = &state->kept;
    return memory;
}

static void free_lent(PyObject *owner)
{
    PyObject *module = PyCapsule_GetContext(owner);
    pc_memory memory = memory_of(py_module_state(module));
    pc_free(&memory, PyCapsule_GetPointer(owner, NULL));
    Py_DECREF(module);
}

/* A capsule that frees the block with the module's memory, and keeps the module; NULL: the block is freed. */
static PyObject *owner_of(py_state *state, pc_memory *memory, void *block)
{
    PyObject *owner = PyCapsule_New(block, NULL, NULL);
    if (owner == NULL) {
        pc_free(memory, block);
        return NULL;
    }
    PyCapsule_SetContext(owner, Py_NewRef(state->module));
    PyCapsule_SetDestructor(owner, free_lent);
    return owner;
}

static PyObject *new_large(py_state *state, int n_dims, const npy_intp *shape, int type, npy_intp n_bytes)
{
    pc_memory memory = memory_of(state);
    void *block = pc_alloc(&memory, (int64_t)n_bytes, 1);
    if (block == NULL) return PyErr_NoMemory();
    PyObject *owner = owner_of(state, &memory, block);
    if (owner == NULL) return NULL;
    PyObject *array = PyArray_SimpleNewFromData(n_dims, shape, type, block);
    if (array == NULL) Py_DECREF(owner);
    else if (PyArray_SetBaseObject((PyArrayObject *)array, owner) < 0) Py_CLEAR(array);
    return array;
}

PyObject *py_array_new(py_state *state, int n_dims, const npy_intp *shape, int type)
{
    PyArray_Descr *descr = PyArray_DescrFromType(type);
    if (descr == NULL) return NULL;
    const npy_intp size = PyDataType_ELSIZE(descr);
    const npy_intp n = PyArray_OverflowMultiplyList(shape, n_dims);
    Py_DECREF(descr);
    if (n < 0 || n > NPY_MAX_INTP / size || n * size < PC_MAPPING_PAGE)
        return PyArray_SimpleNew(n_dims, shape, type);
    return new_large(state, n_dims, shape, type, n * size);
}

/* ---- arrays as columns --------------------------------------------------------------------------- */

static pc_type type_by_size(npy_intp size, pc_type one, pc_type two, pc_type four, pc_type eight)
{
    switch (size) {
    case 1:
        return one;
    case 2:
        return two;
    case 4:
        return four;
    case 8:
        return eight;
    default:
        return PC_TYPE_END;
    }
}

/* By kind and size, because `long` and `long long` are two types of one shape. PC_TYPE_END: none.
 */
static pc_type array_type(PyArrayObject *array)
{
    const npy_intp size = PyArray_ITEMSIZE(array);
    const int number = PyArray_TYPE(array);
    if (number == NPY_BOOL) return PC_BOOL;
    if (PyTypeNum_ISUNSIGNED(number))
        return type_by_size(size, PC_UINT8, PC_UINT16, PC_UINT32, PC_UINT64);
    if (PyTypeNum_ISSIGNED(number))
        return type_by_size(size, PC_INT8, PC_INT16, PC_INT32, PC_INT64);
    if (PyTypeNum_ISFLOAT(number))
        return type_by_size(size, PC_TYPE_END, PC_TYPE_END, PC_FLOAT32, PC_FLOAT64);
    return PC_TYPE_END;
}

/* values as a one-dimensional array in machine byte order, or NULL with an exception set. */
static PyArrayObject *plain_array(py_state *state, PyObject *values, const char *what,
                                  PyObject *name)
{
    const char *wrong = NULL;
    if (!PyArray_Check(values))
        wrong = "is not a NumPy array";
    else if (PyArray_NDIM((PyArrayObject *)values) != 1)
        wrong = "has not one dimension; a column is a one-dimensional array";
    else if (PyArray_ISBYTESWAPPED((PyArrayObject *)values))
        wrong = "is in foreign byte order; convert it with values.astype(values.dtype."
                "newbyteorder('='))";
    if (wrong == NULL) return (PyArrayObject *)values;
    py_error_fail(state, PC_ERR_TYPE, what, -1, name, wrong);
    return NULL;
}

/* Put the mask into the chunk. 0, or -1 with an exception set. */
static int take_mask(py_state *state, PyObject *object, PyObject *name, pc_chunk *chunk)
{
    PyArrayObject *mask = plain_array(state, object, "mask", name);
    if (mask == NULL) return -1;
    if (PyArray_ITEMSIZE(mask) != 1 ||
        !(PyArray_TYPE(mask) == NPY_BOOL || PyArray_ISINTEGER(mask))) {
        py_error_fail(state, PC_ERR_TYPE, "mask", -1, name,
                      "is not of one byte a row; a mask is bool or uint8, 1 = missing");
        return -1;
    }
    if (PyArray_DIM(mask, 0) != chunk->n) {
        py_error_fail(state, PC_ERR_LENGTH, "mask", -1, name,
                      "has another number of rows than the values");
        return -1;
    }
    chunk->mask = PyArray_DATA(mask);
    chunk->mask_stride = PyArray_STRIDE(mask, 0);
    return 0;
}

/* An integer that stands for missing. 0, or -1 with an exception set. */
static int take_missing_code(py_state *state, PyObject *code, py_column *self)
{
    if (self->column.type < PC_INT8 || self->column.type > PC_INT64) {
        py_error_fail(state, PC_ERR_TYPE, "values", -1, self->name,
                      "is not of signed integers; only they have a code for missing");
        return -1;
    }
    self->missing_code = PyLong_AsLongLong(code);
    if (self->missing_code == -1 && PyErr_Occurred()) return -1;
    self->has_missing_code = true;
    return 0;
}

PyObject *py_column_array(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"values", "mask", "name", "missing_code", NULL};
    py_state *state = py_module_state(module);
    PyObject *values, *mask = Py_None, *name = NULL, *missing_code = Py_None, *owner = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OUO:column_array", words, &values, &mask,
                                     &name, &missing_code))
        return NULL;
    py_column *self = NULL;
    int done = 0;
    name = name == NULL ? PyUnicode_FromString("") : Py_NewRef(name);
    if (name == NULL) return NULL;
    PyArrayObject *array = plain_array(state, values, "values", name);
    if (array == NULL) goto done;
    const pc_type type = array_type(array);
    if (type == PC_TYPE_END) {
        py_error_fail(state, PC_ERR_TYPE, "values", -1, name,
                      "is of a type that is not read; bool, integers, float32 and float64 are");
        goto done;
    }
    owner = PyTuple_Pack(2, values, mask);
    if (owner == NULL) goto done;
    self = py_column_new(state, type, 1, name, owner);
    if (self == NULL) goto done;
    self->chunks[0] = (pc_chunk){
        .n = PyArray_DIM(array, 0),
        .data = PyArray_DATA(array),
        .stride = PyArray_STRIDE(array, 0),
    };
    if (mask != Py_None && take_mask(state, mask, name, self->chunks) < 0) goto done;
    if (missing_code != Py_None && take_missing_code(state, missing_code, self) < 0) goto done;
    done = py_column_finish(state, self) == 0;
done:
    Py_XDECREF(owner);
    Py_DECREF(name);
    if (done) return (PyObject *)self;
    Py_XDECREF(self);
    return NULL;
}

void *py_array_elements(py_state *state, PyObject *object, int type, const char *what, int64_t *n)
{
    if (!PyArray_Check(object) || PyArray_NDIM((PyArrayObject *)object) != 1 ||
        !PyArray_IS_C_CONTIGUOUS((PyArrayObject *)object) ||
        !PyArray_ISALIGNED((PyArrayObject *)object) ||
        !PyArray_EquivTypenums(PyArray_TYPE((PyArrayObject *)object), type) ||
        PyArray_ISBYTESWAPPED((PyArrayObject *)object))
        return py_error_fail(state, PC_ERR_TYPE, what, -1, NULL,
                             type == NPY_INT64    ? "is not a contiguous array of int64"
                             : type == NPY_UINT64 ? "is not a contiguous array of uint64"
                                                  : "is not a contiguous array of float64");
    const int64_t found = PyArray_DIM((PyArrayObject *)object, 0);
    if (*n >= 0 && found != *n)
        return py_error_fail(state, PC_ERR_LENGTH, what, -1, NULL,
                             "has another length than what it belongs to");
    *n = found;
    return PyArray_DATA((PyArrayObject *)object);
}

void *py_array_matrix(py_state *state, PyObject *object, const char *what, int64_t *n_rows,
                      int64_t *n)
{
    PyArrayObject *array = (PyArrayObject *)object;
    if (!PyArray_Check(object) || PyArray_NDIM(array) != 2 || !PyArray_ISCARRAY_RO(array) ||
        !PyArray_EquivTypenums(PyArray_TYPE(array), NPY_DOUBLE))
        return py_error_fail(state, PC_ERR_TYPE, what, -1, NULL,
                             "is not an array of float64 of two dimensions in C order");
    *n_rows = PyArray_DIM(array, 0);
    *n = PyArray_DIM(array, 1);
    return PyArray_DATA(array);
}
