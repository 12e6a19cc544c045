/*
 * Codes 0, 1, 2 ... in order of first appearance for an array of Python strings; -1 where missing.
 *
 * Columns of objects usually hold few distinct texts, and often few distinct objects. So each row
 * asks first whether its object is the one met before at this place of a small cache of addresses,
 * and only then looks at the text: a hash of its characters, then the characters themselves.
 *
 * The text is compared as Python stores it (a string has one canonical form: kind, length, data),
 * so nothing is encoded, no UTF-8 copy is left behind in the user's objects, lone surrogates are no
 * special case, and no method of a subclass is ever called. The GIL is held throughout. Signal
 * handlers may run between two rows and change the array: the texts that stand for a code are held
 * by a reference, and the cache of addresses is emptied after every poll.
 */
#include "py_group.h"

#include "pc_context.h"
#include "py_error.h"

#include <string.h>

enum {
    CACHE_BITS = 14,
    FIRST_SLOTS = 1024,
    POLL_ROWS = 65536 /* a few milliseconds at most */
};

typedef struct known {
    PyObject *object;
    int64_t code;
} known;

typedef struct slot {
    uint64_t hash;
    PyObject *text; /* NULL: empty; our reference */
    int64_t code;
} slot;

typedef struct encoder {
    py_state *state;
    pc_memory memory;
    known *cache;    /* [1 << CACHE_BITS] */
    slot *slots;     /* [n_slots] */
    int64_t n_slots; /* a power of two, at least twice n_codes */
    int64_t n_codes;
    int64_t *first_row;      /* [n_slots / 2] */
    PyObject *not_available; /* pandas.NA, or NULL where pandas is not loaded */
    PyObject *not_a_time;    /* pandas.NaT, the same */
} encoder;

/* ---- text ---- */

static uint64_t mixed(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return h;
}

static size_t text_size(PyObject *text)
{
    return (size_t)PyUnicode_GET_LENGTH(text) * (size_t)PyUnicode_KIND(text);
}

static uint64_t text_hash(PyObject *text)
{
    const unsigned char *data = (const unsigned char *)PyUnicode_DATA(text);
    size_t left = text_size(text);
    uint64_t hash = mixed(left + 1);
    while (left > 0) {
        uint64_t piece = 0;
        const size_t taken = left < sizeof piece ? left : sizeof piece;
        memcpy(&piece, data, taken);
        hash = mixed(hash ^ piece) + 0x9E3779B97F4A7C15u;
        data += taken;
        left -= taken;
    }
    return mixed(hash);
}

static int same_text(PyObject *a, PyObject *b)
{
    return PyUnicode_KIND(a) == PyUnicode_KIND(b) &&
           PyUnicode_GET_LENGTH(a) == PyUnicode_GET_LENGTH(b) &&
           memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), text_size(a)) == 0;
}

/* ---- codes ---- */

static int64_t free_place(const slot *slots, int64_t n_slots, uint64_t hash)
{
    int64_t at = (int64_t)(hash & (uint64_t)(n_slots - 1));
    while (slots[at].text != NULL)
        at = (at + 1) & (n_slots - 1);
    return at;
}

/* Twice the slots. 0, or -1 with an exception set. */
static int grow(encoder *e)
{
    const int64_t n_slots = e->n_slots == 0 ? FIRST_SLOTS : e->n_slots * 2;
    slot *slots = pc_alloc_zeroed(&e->memory, n_slots, sizeof *slots);
    int64_t *first_row = pc_alloc(&e->memory, n_slots / 2, sizeof *first_row);
    if (slots == NULL || first_row == NULL) {
        pc_free(&e->memory, slots);
        pc_free(&e->memory, first_row);
        py_error_fail(e->state, PC_ERR_MEMORY, "values", -1, NULL,
                      "has more distinct texts than memory can hold");
        return -1;
    }
    for (int64_t k = 0; k < e->n_slots; k++)
        if (e->slots[k].text != NULL)
            slots[free_place(slots, n_slots, e->slots[k].hash)] = e->slots[k];
    if (e->n_codes > 0) memcpy(first_row, e->first_row, (size_t)e->n_codes * sizeof *first_row);
    pc_free(&e->memory, e->slots);
    pc_free(&e->memory, e->first_row);
    e->slots = slots;
    e->first_row = first_row;
    e->n_slots = n_slots;
    return 0;
}

/* The code of a text seen at this row, a new one if it is new; -1 with an exception set. */
static int64_t code_of_text(encoder *e, PyObject *text, int64_t row)
{
    const uint64_t hash = text_hash(text);
    int64_t at = (int64_t)(hash & (uint64_t)(e->n_slots - 1));
    while (e->slots[at].text != NULL) {
        if (e->slots[at].hash == hash && same_text(e->slots[at].text, text))
            return e->slots[at].code;
        at = (at + 1) & (e->n_slots - 1);
    }
    if (e->n_codes >= e->n_slots / 2) {
        if (grow(e) < 0) return -1;
        at = free_place(e->slots, e->n_slots, hash);
    }
    e->slots[at] = (slot){hash, Py_NewRef(text), e->n_codes};
    e->first_row[e->n_codes] = row;
    return e->n_codes++;
}

static bool is_missing(const encoder *e, PyObject *object)
{
    if (object == NULL || object == Py_None) return true; /* NULL: never assigned */
    if (object == e->not_available || object == e->not_a_time) return true;
    return PyFloat_Check(object) && PyFloat_AS_DOUBLE(object) != PyFloat_AS_DOUBLE(object);
}

/* Before Python 3.12 a text of the old C interface may wait for its form; false: exception set. */
static bool is_in_canonical_form(PyObject *text)
{
#if PY_VERSION_HEX < 0x030C0000
    return PyUnicode_READY(text) == 0;
#else
    (void)text;
    return true;
#endif
}

enum { MISSING = -1, FAILED = -2 };

static int64_t code_of_object(encoder *e, PyObject *object, int64_t row)
{
    const uint64_t address = (uint64_t)(uintptr_t)object >> 4;
    known *seen = &e->cache[address * 0x9E3779B97F4A7C15u >> (64 - CACHE_BITS)];
    if (seen->object == object && object != NULL) return seen->code;
    int64_t code = MISSING;
    if (object != NULL && PyUnicode_Check(object)) {
        code = is_in_canonical_form(object) ? code_of_text(e, object, row) : FAILED;
        if (code < 0) return FAILED;
    } else if (!is_missing(e, object)) {
        py_error_fail(e->state, PC_ERR_TYPE, "values", row, NULL,
                      "is neither text nor missing; a column of objects must hold text");
        return FAILED;
    }
    *seen = (known){object, code};
    return code;
}

/* Between rows: let signal handlers run, and trust no address afterwards. */
static int poll_signals(encoder *e)
{
    if (PyErr_CheckSignals() < 0) return -1;
    memset(e->cache, 0, sizeof *e->cache << CACHE_BITS);
    return 0;
}

static int encode_rows(encoder *e, PyArrayObject *values, PyArrayObject *codes)
{
    const int64_t n = PyArray_DIM(values, 0);
    const char *item = PyArray_BYTES(values);
    int32_t *narrow = PyArray_TYPE(codes) == NPY_INT32 ? PyArray_DATA(codes) : NULL;
    int64_t *wide = narrow == NULL ? PyArray_DATA(codes) : NULL;
    for (int64_t i = 0; i < n; i++, item += PyArray_STRIDE(values, 0)) {
        if (i % POLL_ROWS == 0 && poll_signals(e) < 0) return -1;
        PyObject *object;
        memcpy(&object, item, sizeof object);
        const int64_t code = code_of_object(e, object, i);
        if (code == FAILED) return -1;
        if (narrow != NULL)
            narrow[i] = (int32_t)code;
        else
            wide[i] = code;
    }
    return 0;
}

/* ---- the call ---- */

/* An attribute of pandas if pandas is loaded; NULL without an exception otherwise. */
static PyObject *of_pandas(const char *attribute)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *pandas = PyDict_GetItemString(modules, "pandas");
    PyObject *found = pandas == NULL ? NULL : PyObject_GetAttrString(pandas, attribute);
    if (found == NULL) PyErr_Clear();
    return found;
}

static int encoder_begin(encoder *e, py_state *state)
{
    *e = (encoder){.state = state};
    pc_memory_init(&e->memory);
    e->not_available = of_pandas("NA");
    e->not_a_time = of_pandas("NaT");
    e->cache = pc_alloc_zeroed(&e->memory, (int64_t)1 << CACHE_BITS, sizeof *e->cache);
    if (e->cache != NULL) return grow(e);
    py_error_fail(state, PC_ERR_MEMORY, "values", -1, NULL, "could not be read: out of memory");
    return -1;
}

static void encoder_end(encoder *e)
{
    for (int64_t k = 0; k < e->n_slots; k++)
        Py_XDECREF(e->slots[k].text);
    pc_free(&e->memory, e->slots);
    pc_free(&e->memory, e->first_row);
    pc_free(&e->memory, e->cache);
    Py_XDECREF(e->not_available);
    Py_XDECREF(e->not_a_time);
}

static PyObject *first_rows(const encoder *e)
{
    npy_intp shape = (npy_intp)e->n_codes;
    PyObject *rows = PyArray_SimpleNew(1, &shape, NPY_INT64);
    if (rows != NULL && shape > 0)
        memcpy(PyArray_DATA((PyArrayObject *)rows), e->first_row, (size_t)shape * sizeof(int64_t));
    return rows;
}

PyObject *py_encode_objects(PyObject *module, PyObject *values)
{
    py_state *state = py_module_state(module);
    if (!PyArray_Check(values) || PyArray_NDIM((PyArrayObject *)values) != 1 ||
        PyArray_TYPE((PyArrayObject *)values) != NPY_OBJECT)
        return py_error_fail(state, PC_ERR_TYPE, "values", -1, NULL,
                             "is not a one-dimensional NumPy array of objects");
    PyArrayObject *array = (PyArrayObject *)values;
    npy_intp n = PyArray_DIM(array, 0);
    PyObject *codes = PyArray_SimpleNew(1, &n, n <= INT32_MAX ? NPY_INT32 : NPY_INT64);
    if (codes == NULL) return NULL;
    encoder e;
    PyObject *rows = NULL;
    if (encoder_begin(&e, state) == 0 && encode_rows(&e, array, (PyArrayObject *)codes) == 0)
        rows = first_rows(&e);
    encoder_end(&e);
    PyObject *result = rows == NULL ? NULL : PyTuple_Pack(2, codes, rows);
    Py_XDECREF(rows);
    Py_DECREF(codes);
    return result;
}
