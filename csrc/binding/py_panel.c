#include "py_panel.h"

#include "pc_panel.h"
#include "py_argument.h"
#include "py_array.h"
#include "py_column.h"
#include "py_error.h"
#include "py_host.h"

#include <string.h>

/* ---- sides ---- */

/* One side with what it refers to. */
typedef struct side_of {
    pc_panel_side side;
    py_argument ids, keys, others; /* keys: of digits; others: the state, then the period */
    pc_panel_id id[PC_PANEL_MOST_IDS];
    pc_panel_digit digit[PC_PANEL_MOST_DIGITS];
} side_of;

static int take_ids(py_state *state, side_of *own, PyObject *ids)
{
    if (py_argument_take_many(state, &own->ids, ids) < 0) return -1;
    if (own->ids.n > PC_PANEL_MOST_IDS) {
        py_error_fail(state, PC_ERR_LIMIT, own->ids.name, -1, NULL, "has too many columns");
        return -1;
    }
    for (int64_t k = 0; k < own->ids.n; k++) {
        const py_column *column = (py_column *)PyTuple_GET_ITEM(own->ids.tuple, (Py_ssize_t)k);
        own->id[k] = (pc_panel_id){&column->column, column->has_missing_code, column->missing_code};
    }
    own->side.n_ids = own->ids.n;
    own->side.ids = own->id;
    return 0;
}

/* The numbers of (column, low, count, scale, map or None). 0, or -1 with an exception set. */
static int take_digit(py_state *state, PyObject *tuple, const char *name, PyObject **column,
                      pc_panel_digit *digit)
{
    PyObject *map;
    long long low, count, scale;
    if (!PyTuple_Check(tuple) ||
        !PyArg_ParseTuple(tuple, "OLLLO;a digit is column, low, count, scale, map", column, &low, &count,
                          &scale, &map))
        return PyErr_Occurred() ? -1
                                : (py_error_fail(state, PC_ERR_TYPE, name, -1, NULL, "is no tuple"), -1);
    if (count < 0 || count > UINT32_MAX || scale < 0 || scale > UINT32_MAX) {
        py_error_fail(state, PC_ERR_LIMIT, name, -1, NULL, "has a number of values that is out of range");
        return -1;
    }
    *digit = (pc_panel_digit){NULL, (int64_t)low, (uint32_t)count, (uint32_t)scale, NULL};
    if (map == Py_None) return 0;
    if (!PyArray_Check(map) || PyArray_NDIM((PyArrayObject *)map) != 1 ||
        PyArray_TYPE((PyArrayObject *)map) != NPY_UINT32 ||
        !PyArray_ISCARRAY_RO((PyArrayObject *)map) ||
        PyArray_DIM((PyArrayObject *)map, 0) != (npy_intp)count) {
        py_error_fail(state, PC_ERR_TYPE, name, -1, NULL,
                      "has a map that is no contiguous array of uint32, one for each value");
        return -1;
    }
    digit->map = PyArray_DATA((PyArrayObject *)map);
    return 0;
}

static int take_digits(py_state *state, side_of *own, PyObject *digits)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(digits);
    PyObject *columns = n <= PC_PANEL_MOST_DIGITS ? PyTuple_New(n) : NULL;
    if (n > PC_PANEL_MOST_DIGITS)
        py_error_fail(state, PC_ERR_LIMIT, own->keys.name, -1, NULL, "has too many columns");
    for (Py_ssize_t k = 0; columns != NULL && k < n; k++) {
        PyObject *column = NULL;
        if (take_digit(state, PyTuple_GET_ITEM(digits, k), own->keys.name, &column, &own->digit[k]) < 0)
            Py_CLEAR(columns);
        else PyTuple_SET_ITEM(columns, k, Py_NewRef(column));
    }
    own->keys.tuple = columns;
    if (columns == NULL || py_argument_take_columns(state, &own->keys) < 0) return -1;
    for (int64_t k = 0; k < own->keys.n; k++) own->digit[k].column = own->keys.columns[k];
    own->side.n_digits = own->keys.n;
    own->side.digits = own->digit;
    return 0;
}

/* The state, if there is one, and the period with its value. */
static int take_others(py_state *state, side_of *own, PyObject *digit, PyObject *period)
{
    PyObject *columns[2] = {NULL, NULL};
    int n = 0;
    long long value = 0;
    if (digit != Py_None && take_digit(state, digit, "state", &columns[n++], &own->side.state) < 0)
        return -1;
    if (period != Py_None && !PyTuple_Check(period)) {
        py_error_fail(state, PC_ERR_TYPE, "period", -1, NULL, "is no tuple of a column and a value");
        return -1;
    }
    if (period != Py_None && !PyArg_ParseTuple(period, "OL;a period is column and value",
                                               &columns[n++], &value))
        return -1;
    own->others.tuple = n == 0   ? PyTuple_New(0)
                        : n == 1 ? PyTuple_Pack(1, columns[0])
                                 : PyTuple_Pack(2, columns[0], columns[1]);
    if (own->others.tuple == NULL || py_argument_take_columns(state, &own->others) < 0) return -1;
    if (digit != Py_None) own->side.state.column = own->others.columns[0];
    if (period != Py_None) own->side.period = own->others.columns[n - 1];
    own->side.value = (int64_t)value;
    return 0;
}

/* From (n, ids, digits, state or None, period or None). 0, or -1 with an exception set. */
static int take_side(py_state *state, side_of *own, PyObject *tuple, bool is_later)
{
    PyObject *ids, *digits, *digit, *period;
    long long n;
    memset(own, 0, sizeof *own);
    own->ids.name = own->side.ids_name = is_later ? "id_to" : "id_from";
    own->keys.name = own->side.keys_name = is_later ? "key_to" : "key_from";
    own->others.name = "state";
    if (!PyArg_ParseTuple(tuple, "LOO!OO;a side is n, ids, digits, state, period", &n, &ids,
                          &PyTuple_Type, &digits, &digit, &period))
        return -1;
    own->side.n = (int64_t)n;
    if (take_ids(state, own, ids) < 0 || take_digits(state, own, digits) < 0) return -1;
    return take_others(state, own, digit, period);
}

static void free_side(side_of *own)
{
    py_argument_free(&own->ids);
    py_argument_free(&own->keys);
    py_argument_free(&own->others);
}

static void raise_error(py_state *state, const pc_error *err, const side_of own[2])
{
    const int64_t which = err->which < 0 ? 0 : err->which;
    for (int s = 0; s < 2; s++) {
        const py_argument *roles[2] = {&own[s].ids, &own[s].keys};
        for (int r = 0; r < 2; r++)
            if (strcmp(err->argument, roles[r]->name) == 0 && which < roles[r]->n) {
                py_error_raise(state, err, py_argument_column_name(roles[r], which));
                return;
            }
    }
    py_error_raise(state, err, NULL);
}

static void begin_context(py_state *state, pc_context *ctx, int n_threads)
{
    pc_context_init(ctx);
    ctx->memory.kept = &state->kept;
    if (n_threads > 0) ctx->n_threads = n_threads < PC_MAX_THREADS ? n_threads : PC_MAX_THREADS;
}

/* ---- moves ---- */

static PyObject *count(py_state *state, const side_of own[2], int64_t n_groups, int64_t n_states,
                       int n_threads)
{
    const pc_panel_side sides[2] = {own[0].side, own[1].side};
    const int64_t width = n_states + 1;
    PyObject *result = PyDict_New();
    pc_context ctx;
    if (result == NULL) return NULL;
    const pc_panel_counts counts = {
        .n_groups = n_groups,
        .n_states = n_states,
        .moves = py_put_array(result, "moves", NPY_INT64, n_groups, width * width),
        .left = py_put_array(result, "left", NPY_INT64, n_groups, width),
        .came = py_put_array(result, "came", NPY_INT64, n_groups, width),
    };
    if (counts.moves == NULL || counts.left == NULL || counts.came == NULL) {
        Py_DECREF(result);
        return NULL;
    }
    begin_context(state, &ctx, n_threads);
    py_host host;
    py_host_begin(&host, &ctx);
    const pc_status status = pc_panel_count(&ctx, sides, &counts);
    py_host_end(&host);
    if (status != PC_OK) raise_error(state, &ctx.error, own);
    if (!PyErr_Occurred() &&
        py_put(result, "peak_bytes", PyLong_FromLongLong(atomic_load(&ctx.memory.peak))) == 0)
        return result;
    Py_DECREF(result);
    return NULL;
}

PyObject *py_panel_count(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    PyObject *tuples[2], *result = NULL;
    long long n_groups, n_states;
    int n_threads = 0;
    side_of own[2];
    if (!PyArg_ParseTuple(args, "O!O!LL|i:panel_count", &PyTuple_Type, &tuples[0], &PyTuple_Type,
                          &tuples[1], &n_groups, &n_states, &n_threads))
        return NULL;
    if (n_groups < 1 || n_states < 1 || n_states > PC_PANEL_MOST_STATES)
        return py_error_fail(state, PC_ERR_LIMIT, "state", -1, NULL, "has no value, or too many");
    memset(own, 0, sizeof own);
    if (take_side(state, &own[0], tuples[0], false) == 0 &&
        take_side(state, &own[1], tuples[1], true) == 0) {
        if (own[0].side.state.column == NULL || own[1].side.state.column == NULL)
            py_error_fail(state, PC_ERR_TYPE, "state", -1, NULL, "is not a Column");
        else result = count(state, own, (int64_t)n_groups, (int64_t)n_states, n_threads);
    }
    for (int s = 0; s < 2; s++) free_side(&own[s]);
    return result;
}

/* ---- partners ---- */

static PyObject *match(py_state *state, const side_of own[2], int n_threads)
{
    const pc_panel_side sides[2] = {own[0].side, own[1].side};
    PyObject *arrays[2];
    PyObject *result = NULL;
    pc_context ctx;
    for (int s = 0; s < 2; s++) {
        npy_intp shape = (npy_intp)sides[s].n;
        arrays[s] = py_array_new(state, 1, &shape, NPY_INT64);
    }
    if (arrays[0] != NULL && arrays[1] != NULL) {
        int64_t *const partner[2] = {PyArray_DATA((PyArrayObject *)arrays[0]),
                                     PyArray_DATA((PyArrayObject *)arrays[1])};
        begin_context(state, &ctx, n_threads);
        py_host host;
        py_host_begin(&host, &ctx);
        const pc_status status = pc_panel_match(&ctx, sides, partner);
        py_host_end(&host);
        if (status != PC_OK) raise_error(state, &ctx.error, own);
        if (!PyErr_Occurred()) result = PyTuple_Pack(2, arrays[0], arrays[1]);
    }
    Py_XDECREF(arrays[0]);
    Py_XDECREF(arrays[1]);
    return result;
}

PyObject *py_panel_match(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    PyObject *tuples[2], *result = NULL;
    int n_threads = 0;
    side_of own[2];
    if (!PyArg_ParseTuple(args, "O!O!|i:panel_match", &PyTuple_Type, &tuples[0], &PyTuple_Type,
                          &tuples[1], &n_threads))
        return NULL;
    memset(own, 0, sizeof own);
    if (take_side(state, &own[0], tuples[0], false) == 0 &&
        take_side(state, &own[1], tuples[1], true) == 0)
        result = match(state, own, n_threads);
    for (int s = 0; s < 2; s++) free_side(&own[s]);
    return result;
}

/* ---- ranges and codes ---- */

PyObject *py_panel_range(PyObject *module, PyObject *columns)
{
    py_state *state = py_module_state(module);
    py_argument role = {"column", NULL, NULL, 0};
    PyObject *result = NULL;
    int64_t low = 0, high = 0;
    pc_context ctx;
    if (py_argument_take_many(state, &role, columns) == 0) {
        pc_context_init(&ctx);
        py_host host;
        py_host_begin(&host, &ctx);
        const pc_status status = pc_panel_range(&ctx, role.n, role.columns, &low, &high);
        py_host_end(&host);
        if (status != PC_OK) py_error_raise(state, &ctx.error, NULL);
        if (!PyErr_Occurred()) result = Py_BuildValue("LL", (long long)low, (long long)high);
    }
    py_argument_free(&role);
    return result;
}

/* The keys of each code, as _core.total gives them. 0, or -1 with an exception set. */
static int put_keys(PyObject *result, const pc_group *group, const py_argument *keys, int64_t g)
{
    int64_t *values = py_put_array(result, "key_values", NPY_INT64, keys->n, g);
    uint8_t *missing = py_put_array(result, "key_missing", NPY_BOOL, keys->n, g);
    if (values == NULL || missing == NULL) return -1;
    for (int64_t k = 0; k < keys->n; k++) {
        const py_column *key = (py_column *)PyTuple_GET_ITEM(keys->tuple, (Py_ssize_t)k);
        for (int64_t code = 0; code < g; code++) {
            bool is_missing = false;
            int64_t value = pc_group_key_value(group, 0, code, k, &is_missing);
            if (key->has_missing_code && value == key->missing_code) is_missing = true;
            values[k * g + code] = is_missing ? 0 : value;
            missing[k * g + code] = is_missing;
        }
    }
    return 0;
}

static PyObject *codes_of(py_state *state, const py_argument *keys, int64_t n, bool keep_missing)
{
    npy_intp shape = (npy_intp)n;
    PyObject *codes = py_array_new(state, 1, &shape, NPY_UINT32), *result = NULL;
    pc_context ctx;
    if (codes == NULL) return NULL;
    pc_context_init(&ctx);
    py_host host;
    py_host_begin(&host, &ctx);
    pc_group *group = pc_panel_codes(&ctx, keys->columns, keys->n, n, keep_missing,
                                     PyArray_DATA((PyArrayObject *)codes));
    py_host_end(&host);
    const int64_t which = ctx.error.which < 0 ? 0 : ctx.error.which;
    if (group == NULL)
        py_error_raise(state, &ctx.error,
                       which < keys->n ? py_argument_column_name(keys, which) : NULL);
    else if (!PyErr_Occurred()) result = PyDict_New();
    if (result != NULL &&
        (PyDict_SetItemString(result, "codes", codes) < 0 ||
         put_keys(result, group, keys, pc_group_n_codes(group, 0)) < 0))
        Py_CLEAR(result);
    pc_group_free(&ctx, group);
    Py_DECREF(codes);
    return result;
}

PyObject *py_panel_codes(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"n", "keys", "keep_missing", NULL};
    py_state *state = py_module_state(module);
    long long n;
    int keep_missing = 0;
    PyObject *keys, *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "LO|$p:panel_codes", words, &n, &keys, &keep_missing))
        return NULL;
    py_argument role = {"key", NULL, NULL, 0};
    if (py_argument_take_many(state, &role, keys) == 0) {
        int64_t k = 0;
        while (k < role.n && role.columns[k]->n == (int64_t)n) k++;
        if (role.n == 0 || k < role.n)
            py_error_fail(state, PC_ERR_LENGTH, "key", -1, NULL, "has another number of rows than said");
        else result = codes_of(state, &role, (int64_t)n, keep_missing != 0);
    }
    py_argument_free(&role);
    return result;
}
