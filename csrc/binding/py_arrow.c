/*
 * What the producer hands over is moved into one record, `batches`, whose capsule owns it: each
 * schema, array and stream is released there exactly once, when the last Column that looks into it
 * dies, or at once when something is wrong.
 *
 * The interface carries no buffer lengths, so only what can be checked is checked here: counts,
 * offsets, sizes that must agree, pointers that must not be null. Text offsets and views are
 * checked by the core, each on its own copy, at the point of use.
 */
#include "py_arrow.h"

#include "py_column.h"
#include "py_error.h"

#include <math.h>
#include <string.h>

static const char batches_name[] = "povertycore.batches";

typedef struct batches {
    struct ArrowSchema schema;
    struct ArrowArrayStream stream;
    int64_t n;
    int64_t capacity;
    struct ArrowArray *arrays; /* [n], ours */
    uint8_t **bitmaps;         /* [n]; validity made here, or NULL */
} batches;

/* ---- ownership ---- */

/* A producer's release may run Python code, which an exception that is on its way must not meet. */
static void release_batches(PyObject *capsule)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    batches *own = PyCapsule_GetPointer(capsule, batches_name);
    for (int64_t k = 0; k < own->n; k++) {
        if (own->arrays[k].release != NULL) own->arrays[k].release(&own->arrays[k]);
        PyMem_Free(own->bitmaps[k]);
    }
    if (own->stream.release != NULL) own->stream.release(&own->stream);
    if (own->schema.release != NULL) own->schema.release(&own->schema);
    PyMem_Free(own->arrays);
    PyMem_Free(own->bitmaps);
    PyMem_Free(own);
    PyErr_Restore(type, value, traceback);
}

static PyObject *new_batches(batches **out)
{
    batches *own = PyMem_Calloc(1, sizeof *own);
    if (own == NULL) return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(own, batches_name, release_batches);
    if (capsule == NULL) PyMem_Free(own);
    *out = own;
    return capsule;
}

/* Room for one more batch. 0, or -1 with an exception set. */
static int make_room(batches *own)
{
    if (own->n < own->capacity) return 0;
    const int64_t capacity = own->capacity == 0 ? 4 : own->capacity * 2;
    struct ArrowArray *arrays = PyMem_Realloc(own->arrays, (size_t)capacity * sizeof *own->arrays);
    if (arrays != NULL) own->arrays = arrays;
    uint8_t **bitmaps = PyMem_Realloc(own->bitmaps, (size_t)capacity * sizeof *own->bitmaps);
    if (bitmaps != NULL) own->bitmaps = bitmaps;
    if (arrays == NULL || bitmaps == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    own->capacity = capacity;
    return 0;
}

/* Moving is allowed by the interface: copy the struct, mark the source as released. */
static void take_array(batches *own, struct ArrowArray *array)
{
    own->arrays[own->n] = *array;
    own->bitmaps[own->n] = NULL;
    own->n++;
    array->release = NULL;
}

/* ---- reading the producer ---- */

typedef struct place {
    py_state *state;
    PyObject *name;
} place;

static int refuse(const place *at, pc_status status, const char *message)
{
    py_error_fail(at->state, status, "column", -1, at->name, message);
    return -1;
}

static int malformed(const place *at)
{
    return refuse(at, PC_ERR_TYPE, "is a malformed Arrow array");
}

/* All batches of own->stream. The producer may run threads that need the GIL: it is given up. */
static int read_stream(const place *at, batches *own)
{
    int code;
    Py_BEGIN_ALLOW_THREADS code = own->stream.get_schema(&own->stream, &own->schema);
    Py_END_ALLOW_THREADS if (code != 0)
    {
        own->schema.release = NULL;
        return refuse(at, PC_ERR_TYPE, "could not be read: its Arrow stream failed");
    }
    for (;;) {
        struct ArrowArray array = {.release = NULL};
        if (make_room(own) < 0) return -1;
        Py_BEGIN_ALLOW_THREADS code = own->stream.get_next(&own->stream, &array);
        Py_END_ALLOW_THREADS if (PyErr_Occurred()) code = code == 0 ? -1 : code;
        if (code != 0) return refuse(at, PC_ERR_TYPE, "could not be read: its Arrow stream failed");
        if (array.release == NULL) return 0;
        take_array(own, &array);
        if (PyErr_CheckSignals() < 0) return -1;
    }
}

/* obj.__arrow_c_stream__(). 0; 1 when there is no such method; -1 with an exception set. */
static int from_stream(const place *at, PyObject *obj, batches *own)
{
    if (!PyObject_HasAttrString(obj, "__arrow_c_stream__")) return 1;
    PyObject *capsule = PyObject_CallMethod(obj, "__arrow_c_stream__", NULL);
    if (capsule == NULL) return -1;
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (stream != NULL && stream->release != NULL) {
        own->stream = *stream;
        stream->release = NULL;
        Py_DECREF(capsule);
        return read_stream(at, own);
    }
    Py_DECREF(capsule);
    return PyErr_Occurred() ? -1 : malformed(at);
}

/* obj.__arrow_c_array__(), a pair of capsules. As from_stream. */
static int from_array(const place *at, PyObject *obj, batches *own)
{
    if (!PyObject_HasAttrString(obj, "__arrow_c_array__")) return 1;
    PyObject *pair = PyObject_CallMethod(obj, "__arrow_c_array__", NULL);
    if (pair == NULL) return -1;
    int result = -1;
    PyObject *first, *second;
    if (!PyArg_ParseTuple(pair, "OO", &first, &second)) goto done;
    struct ArrowSchema *schema = PyCapsule_GetPointer(first, "arrow_schema");
    struct ArrowArray *array = schema == NULL ? NULL : PyCapsule_GetPointer(second, "arrow_array");
    if (array == NULL || make_room(own) < 0) goto done;
    if (schema->release == NULL || array->release == NULL) {
        result = malformed(at);
        goto done;
    }
    own->schema = *schema;
    schema->release = NULL;
    take_array(own, array);
    result = 0;
done:
    Py_DECREF(pair);
    return result;
}

/* ---- types ---- */

static const struct {
    const char *format;
    pc_type type;
} formats[] = {
    {"b", PC_BITS},
    {"c", PC_INT8},
    {"C", PC_UINT8},
    {"s", PC_INT16},
    {"S", PC_UINT16},
    {"i", PC_INT32},
    {"I", PC_UINT32},
    {"l", PC_INT64},
    {"L", PC_UINT64},
    {"f", PC_FLOAT32},
    {"g", PC_FLOAT64},
    {"n", PC_FLOAT64},
    {"u", PC_TEXT32},
    {"U", PC_TEXT64},
    {"vu", PC_TEXT_VIEW},
    /* Dates and times are their integers; what they mean is for the labels to say. */
    {"tdD", PC_INT32},
    {"tdm", PC_INT64},
    {"tts", PC_INT32},
    {"ttm", PC_INT32},
    {"ttu", PC_INT64},
    {"ttn", PC_INT64},
    {"tDs", PC_INT64},
    {"tDm", PC_INT64},
    {"tDu", PC_INT64},
    {"tDn", PC_INT64},
};

static pc_type type_of_format(const char *format)
{
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++)
        if (strcmp(format, formats[k].format) == 0) return formats[k].type;
    /* A timestamp names its time zone after the colon: "tsu:Asia/Ho_Chi_Minh". */
    if (strncmp(format, "ts", 2) == 0 && format[2] != '\0' && strchr("smun", format[2]) != NULL &&
        format[3] == ':')
        return PC_INT64;
    return PC_TYPE_END;
}

/* The schema of the column itself: the only child of a table, or the plain column. NULL: raised. */
static const struct ArrowSchema *column_schema(const place *at, const struct ArrowSchema *schema)
{
    if (schema->format != NULL && strcmp(schema->format, "+s") == 0 && schema->dictionary == NULL) {
        if (schema->n_children != 1) {
            refuse(at, PC_ERR_TYPE, "is a table without exactly one column; one is read at a time");
            return NULL;
        }
        schema = schema->children[0];
    }
    if (schema == NULL || schema->format == NULL) {
        malformed(at);
        return NULL;
    }
    if (schema->dictionary != NULL) {
        refuse(at, PC_ERR_TYPE, "is dictionary-encoded; its indices are read, as integers");
        return NULL;
    }
    return schema;
}

/* ---- chunks ---- */

static const double absent = NAN; /* every row of a column of Arrow type null */
static const uint8_t nothing[8];  /* where a buffer of no bytes may be NULL */

/* Rows [first, first + n) of array; counts and sizes that cannot be are refused. */
typedef struct span {
    const struct ArrowArray *array;
    int64_t first;
    int64_t n;
} span;

enum { WIDEST = 16 }; /* bytes of the widest element, a view */

static int sound_span(const span *rows)
{
    const struct ArrowArray *array = rows->array;
    return array != NULL && array->release != NULL && array->length >= 0 && array->offset >= 0 &&
           rows->first >= 0 && rows->n >= 0 && rows->first <= INT64_MAX / WIDEST - rows->n - 1 &&
           array->n_buffers >= 0 && (array->n_buffers == 0 || array->buffers != NULL);
}

/* The validity bitmap, or NULL where every row is present. -1: malformed. */
static int take_validity(const struct ArrowArray *array, const uint8_t **valid)
{
    *valid = NULL;
    if (array->null_count == 0 || array->n_buffers == 0) return 0;
    *valid = array->buffers[0];
    return *valid == NULL && array->null_count > 0 ? -1 : 0;
}

static int bit(const uint8_t *bits, int64_t at)
{
    return bits[at >> 3] >> (at & 7) & 1;
}

/* A row is there when both the table's row and the column's value are. The bitmap is ours. */
static uint8_t *both_valid(const uint8_t *a, int64_t a_first, const uint8_t *b, int64_t b_first,
                           int64_t n)
{
    uint8_t *both = PyMem_Calloc((size_t)(n / 8 + 1), 1);
    if (both == NULL) return NULL;
    for (int64_t i = 0; i < n; i++)
        if (bit(a, a_first + i) && bit(b, b_first + i))
            both[i >> 3] = (uint8_t)(both[i >> 3] | 1u << (i & 7));
    return both;
}

static int take_fixed(const span *rows, pc_type type, pc_chunk *chunk)
{
    if (rows->array->n_buffers != 2) return -1;
    const char *data = rows->array->buffers[1];
    if (data == NULL) return chunk->n == 0 ? 0 : -1;
    const int64_t size = (int64_t)pc_type_size(type);
    chunk->data = data + rows->first * size;
    chunk->stride = size;
    return 0;
}

static int take_bits(const span *rows, pc_chunk *chunk)
{
    if (rows->array->n_buffers != 2) return -1;
    chunk->data = rows->array->buffers[1];
    chunk->bit_offset = rows->first;
    return chunk->data == NULL && chunk->n > 0 ? -1 : 0;
}

static int64_t read_offset(const char *offsets, int64_t at, int64_t size)
{
    int32_t narrow;
    int64_t wide;
    memcpy(&narrow, offsets + at * size, sizeof narrow);
    if (size == (int64_t)sizeof narrow) return narrow;
    memcpy(&wide, offsets + at * size, sizeof wide);
    return wide;
}

static int take_text(const span *rows, int64_t size, pc_chunk *chunk)
{
    if (rows->array->n_buffers != 3) return -1;
    chunk->bytes = nothing;
    if (chunk->n == 0) return 0;
    const char *offsets = rows->array->buffers[1];
    if (offsets == NULL) return -1;
    const int64_t start = read_offset(offsets, rows->first, size);
    const int64_t end = read_offset(offsets, rows->first + rows->n, size);
    if (start < 0 || end < start) return -1;
    chunk->data = offsets + rows->first * size;
    chunk->stride = size;
    chunk->n_bytes = end;
    if (rows->array->buffers[2] != NULL)
        chunk->bytes = rows->array->buffers[2];
    else if (end > 0)
        return -1;
    return 0;
}

static int take_views(const span *rows, pc_chunk *chunk)
{
    const int64_t n_buffers = rows->array->n_buffers - 3;
    if (n_buffers < 0) return -1;
    const char *views = rows->array->buffers[1];
    if (views == NULL) return chunk->n == 0 ? 0 : -1;
    const int64_t *sizes = rows->array->buffers[n_buffers + 2];
    if (sizes == NULL && n_buffers > 0) return -1;
    for (int64_t k = 0; k < n_buffers; k++)
        if (sizes[k] < 0 || (sizes[k] > 0 && rows->array->buffers[k + 2] == NULL)) return -1;
    chunk->data = views + rows->first * WIDEST;
    chunk->stride = WIDEST;
    chunk->buffers = (const uint8_t *const *)(rows->array->buffers + 2);
    chunk->buffer_sizes = sizes;
    chunk->n_buffers = n_buffers;
    return 0;
}

static int take_values(const span *rows, const char *format, pc_type type, pc_chunk *chunk)
{
    if (strcmp(format, "n") == 0) {
        chunk->data = &absent;
        chunk->stride = 0;
        return 0;
    }
    switch (type) {
    case PC_BITS:
        return take_bits(rows, chunk);
    case PC_TEXT32:
        return take_text(rows, (int64_t)sizeof(int32_t), chunk);
    case PC_TEXT64:
        return take_text(rows, (int64_t)sizeof(int64_t), chunk);
    case PC_TEXT_VIEW:
        return take_views(rows, chunk);
    default:
        return take_fixed(rows, type, chunk);
    }
}

/* One batch as one chunk. is_table: the batch is a struct around the column, whose own offset and
 * validity hold for the column's rows. */
static int take_chunk(const place *at, batches *own, int64_t k, bool is_table, const char *format,
                      pc_type type, pc_chunk *chunk)
{
    const struct ArrowArray *outer = &own->arrays[k];
    span rows = {outer, outer->offset, outer->length};
    if (!sound_span(&rows)) return malformed(at);
    const uint8_t *table_valid = NULL;
    if (is_table) {
        if (outer->n_children != 1 || outer->children == NULL ||
            take_validity(outer, &table_valid) < 0)
            return malformed(at);
        const struct ArrowArray *inner = outer->children[0];
        if (inner == NULL || inner->offset < 0 || inner->length < 0 ||
            inner->length - outer->offset < outer->length ||
            inner->offset > INT64_MAX - outer->offset)
            return malformed(at);
        rows = (span){inner, inner->offset + outer->offset, outer->length};
        if (!sound_span(&rows)) return malformed(at);
    }
    chunk->n = rows.n;
    if (take_values(&rows, format, type, chunk) < 0) return malformed(at);
    chunk->valid_offset = rows.first;
    if (chunk->data != &absent && take_validity(rows.array, &chunk->valid) < 0)
        return malformed(at);
    if (table_valid == NULL) return 0;
    if (chunk->valid == NULL) {
        chunk->valid = table_valid;
        chunk->valid_offset = outer->offset;
        return 0;
    }
    own->bitmaps[k] = both_valid(table_valid, outer->offset, chunk->valid, rows.first, rows.n);
    if (own->bitmaps[k] == NULL) return PyErr_NoMemory(), -1;
    chunk->valid = own->bitmaps[k];
    chunk->valid_offset = 0;
    return 0;
}

static PyObject *column_of(const place *at, batches *own, PyObject *capsule)
{
    const struct ArrowSchema *schema = column_schema(at, &own->schema);
    if (schema == NULL) return NULL;
    const pc_type type = type_of_format(schema->format);
    if (type == PC_TYPE_END) {
        refuse(at, PC_ERR_TYPE,
               "is of an Arrow type that is not read; bool, integers, float, double and text are");
        return NULL;
    }
    py_column *self = py_column_new(at->state, type, own->n, at->name, capsule);
    if (self == NULL) return NULL;
    const bool is_table = schema != &own->schema;
    for (int64_t k = 0; k < own->n; k++)
        if (take_chunk(at, own, k, is_table, schema->format, type, &self->chunks[k]) < 0) goto fail;
    if (py_column_finish(at->state, self) == 0) return (PyObject *)self;
fail:
    Py_DECREF(self);
    return NULL;
}

PyObject *py_column_arrow(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"obj", "name", NULL};
    PyObject *obj, *name = NULL, *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|U:column_arrow", words, &obj, &name))
        return NULL;
    name = name == NULL ? PyUnicode_FromString("") : Py_NewRef(name);
    if (name == NULL) return NULL;
    const place at = {py_module_state(module), name};
    batches *own = NULL;
    PyObject *capsule = new_batches(&own);
    if (capsule == NULL) goto done;
    int failed = from_stream(&at, obj, own);
    if (failed == 1) failed = from_array(&at, obj, own);
    if (failed == 1)
        refuse(&at, PC_ERR_TYPE, "has neither __arrow_c_stream__ nor __arrow_c_array__");
    if (failed == 0) result = column_of(&at, own, capsule);
    Py_DECREF(capsule);
done:
    Py_DECREF(name);
    return result;
}
