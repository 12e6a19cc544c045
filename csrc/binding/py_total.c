#include "py_total.h"

#include "pc_total.h"
#include "py_argument.h"
#include "py_array.h"
#include "py_column.h"
#include "py_error.h"
#include "py_host.h"
#include "py_score.h"

#include <string.h>

/* ---- inputs ---- */

/* Scores made of other columns are one object. */
enum { KEYS, FLAGS, PACKED, VALUES, PAIRS, WEIGHT, SIZE, WHERE, N_ROLES }; /* of totals by unit, it is the first key */

static const char *const role_names[N_ROLES] = {
    [KEYS] = "key",      [FLAGS] = "flag", [VALUES] = "value", [PAIRS] = "pair",
    [WEIGHT] = "weight", [SIZE] = "size",  [WHERE] = "where", [PACKED] = "packed",
};

/* The keys, behind the unit where there is one. */
static int take_keys(py_state *state, py_argument *role, PyObject *unit, PyObject *sequence)
{
    if (unit == Py_None) return py_argument_take_many(state, role, sequence);
    PyObject *keys = PySequence_Tuple(sequence);
    if (keys == NULL) return -1;
    const Py_ssize_t n = PyTuple_GET_SIZE(keys);
    PyObject *all = PyTuple_New(n + 1);
    for (Py_ssize_t k = 0; all != NULL && k <= n; k++)
        PyTuple_SET_ITEM(all, k, Py_NewRef(k == 0 ? unit : PyTuple_GET_ITEM(keys, k - 1)));
    Py_DECREF(keys);
    role->tuple = all;
    return all == NULL ? -1 : py_argument_take_columns(state, role);
}

/* A sequence of pairs, one part after the other. */
static int take_pairs(py_state *state, py_argument *role, PyObject *sequence)
{
    PyObject *pairs = sequence == NULL ? PyTuple_New(0) : PySequence_Tuple(sequence);
    if (pairs == NULL) return -1;
    const Py_ssize_t n = PyTuple_GET_SIZE(pairs);
    PyObject *parts = PyTuple_New(2 * n);
    for (Py_ssize_t j = 0; parts != NULL && j < n; j++) {
        PyObject *first, *second;
        PyObject *pair = PyTuple_GET_ITEM(pairs, j);
        if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "OO", &first, &second)) {
            PyErr_Clear();
            py_error_fail(state, PC_ERR_TYPE, role->name, -1, NULL,
                          "is not a tuple of two Columns");
            Py_CLEAR(parts);
            break;
        }
        PyTuple_SET_ITEM(parts, 2 * j, Py_NewRef(first));
        PyTuple_SET_ITEM(parts, 2 * j + 1, Py_NewRef(second));
    }
    Py_DECREF(pairs);
    role->tuple = parts;
    return parts == NULL ? -1 : py_argument_take_columns(state, role);
}

/* n_packed: flags in the packed column, if there is one. */
static pc_rows rows_of(int64_t n, const py_argument roles[N_ROLES], const py_scores *made,
                       int64_t n_packed)
{
    const pc_column *packed = py_argument_only(&roles[PACKED]);
    return (pc_rows){
        .n = n,
        .n_keys = roles[KEYS].n,
        .keys = roles[KEYS].columns,
        .weight = py_argument_only(&roles[WEIGHT]),
        .size = py_argument_only(&roles[SIZE]),
        .where = py_argument_only(&roles[WHERE]),
        .n_flags = packed == NULL ? roles[FLAGS].n : n_packed,
        .flags = roles[FLAGS].columns,
        .packed = packed,
        .n_values = roles[VALUES].n,
        .values = roles[VALUES].columns,
        .n_pairs = roles[PAIRS].n / 2,
        .pairs = roles[PAIRS].columns,
        .made = made == NULL ? NULL : &made->scores,
    };
}

/* The name of the column that an error of the core is about; NULL when it is about none. */
static PyObject *column_at_fault(const pc_error *err, const py_argument roles[N_ROLES],
                                 const py_scores *made)
{
    const int64_t which = err->which < 0 ? 0 : err->which;
    for (int r = 0; r < N_ROLES; r++)
        if (strcmp(err->argument, roles[r].name) == 0 && which < roles[r].n)
            return py_argument_column_name(&roles[r], which);
    return made == NULL ? NULL : py_score_column_at_fault(made, err);
}

/* ---- the core ---- */

static pc_total *add_rows(pc_context *ctx, const pc_total_plan *plan, const pc_rows *rows)
{
    pc_total *total = pc_total_new(ctx, plan);
    if (total == NULL) return NULL;
    if (pc_total_update(ctx, total, rows) == PC_OK && pc_total_finish(ctx, total) == PC_OK)
        return total;
    pc_total_free(ctx, total);
    return NULL;
}

/* ---- results ---- */

static int put_totals(PyObject *result, const pc_total *total, const pc_total_plan *plan)
{
    const int64_t g = pc_total_n_groups(total);
    const int64_t n_scores = pc_total_n_scores(plan);
    const pc_total_result out = {
        .n = py_put_array(result, "n", NPY_INT64, PY_ONE_ROW, g),
        .weight = py_put_array(result, "weight", NPY_DOUBLE, PY_ONE_ROW, g),
        .score_n = py_put_array(result, "score_n", NPY_INT64, n_scores, g),
        .score_weight = py_put_array(result, "score_weight", NPY_DOUBLE, n_scores, g),
        .sum = py_put_array(result, "sums", NPY_DOUBLE, pc_total_n_sums(plan), g),
    };
    if (out.n == NULL || out.weight == NULL || out.score_n == NULL || out.score_weight == NULL ||
        out.sum == NULL)
        return -1;
    pc_total_read(total, &out);
    return 0;
}

static void *put_cell_array(py_state *state, PyObject *result, const char *word, int type, int64_t n)
{
    const npy_intp shape = (npy_intp)n;
    PyObject *array = py_array_new(state, 1, &shape, type);
    return py_put(result, word, array) < 0 ? NULL : PyArray_DATA((PyArrayObject *)array);
}

/* The cells of a profile, by group and combination of flags. There may be many: they are read without the
 * GIL, on the threads of the pass. */
static int put_cells(py_state *state, PyObject *result, const pc_total *total, int n_threads)
{
    pc_context ctx;
    const int64_t n_cells = pc_total_n_cells(total), n_groups = pc_total_n_groups(total);
    int64_t *start = py_put_array(result, "cell_start", NPY_INT64, PY_ONE_ROW, n_groups + 1);
    uint32_t *mask = put_cell_array(state, result, "cell_mask", NPY_UINT32, n_cells);
    int64_t *n = put_cell_array(state, result, "cell_n", NPY_INT64, n_cells);
    double *weight = put_cell_array(state, result, "cell_weight", NPY_DOUBLE, n_cells);
    if (start == NULL || mask == NULL || n == NULL || weight == NULL) return -1;
    pc_context_init(&ctx);
    ctx.n_threads = n_threads;
    py_host host;
    py_host_begin(&host, &ctx);
    pc_total_read_starts(total, start);
    const pc_status status = pc_total_read_cells(&ctx, total, mask, n, weight);
    py_host_end(&host);
    if (status != PC_OK) py_error_raise(state, &ctx.error, NULL);
    return status != PC_OK || PyErr_Occurred() ? -1 : 0;
}

/* The cells of totals by unit; as those of a profile. */
static int put_units(py_state *state, PyObject *result, const pc_total *total, const pc_total_plan *plan,
                     int n_threads)
{
    pc_context ctx;
    const int64_t n = pc_total_n_cells(total), n_groups = pc_total_n_groups(total);
    const bool has_n = plan->n_made > 0;
    const pc_total_cells cells = {
        .start = py_put_array(result, "cell_start", NPY_INT64, PY_ONE_ROW, n_groups + 1),
        .unit = py_put_array(result, "cell_unit", NPY_INT64, PY_ONE_ROW, n),
        .n = has_n ? py_put_array(result, "cell_n", NPY_INT64, PY_ONE_ROW, n) : NULL,
        .weight = py_put_array(result, "cell_weight", NPY_DOUBLE, pc_total_n_cell_weights(plan), n),
        .sum = py_put_array(result, "cell_sums", NPY_DOUBLE, pc_total_n_sums(plan), n),
    };
    if (cells.start == NULL || cells.unit == NULL || (has_n && cells.n == NULL) || cells.weight == NULL ||
        cells.sum == NULL)
        return -1;
    pc_context_init(&ctx);
    ctx.n_threads = n_threads;
    py_host host;
    py_host_begin(&host, &ctx);
    const pc_status status = pc_total_read_units(&ctx, total, &cells);
    py_host_end(&host);
    if (status != PC_OK) py_error_raise(state, &ctx.error, NULL);
    return status != PC_OK || PyErr_Occurred() ? -1 : 0;
}

/* The key whose code for missing stands in the smallest row before *row, which becomes that row; NULL:
 * none. */
static const py_column *first_missing_code(const py_argument *keys, int64_t *row)
{
    const py_column *found = NULL;
    for (int64_t k = 0; k < keys->n; k++) {
        const py_column *key = (py_column *)PyTuple_GET_ITEM(keys->tuple, (Py_ssize_t)k);
        if (!key->has_missing_code) continue;
        const int64_t first = py_column_first_missing_code(key);
        if (first < 0 || first >= *row) continue;
        *row = first;
        found = key;
    }
    return found;
}

static void fail_missing_code(py_state *state, const py_column *key, int64_t row)
{
    py_error_fail(state, PC_ERR_MISSING, role_names[KEYS], row, key->name, "is missing");
}

/* A group whose key is the code for missing is called missing. True when there is one. */
static bool mark_missing_code(const py_column *key, int64_t g, int64_t *value, uint8_t *missing)
{
    bool is_there = false;
    for (int64_t k = 0; k < g; k++) {
        if (missing[k] || value[k] != key->missing_code) continue;
        missing[k] = 1;
        value[k] = 0;
        is_there = true;
    }
    return is_there;
}

/* Without keep_missing a code for missing is an error, as it is for the columns that mark their missing
 * rows. 0, or -1 with the exception set. */
static int refuse_missing_code(py_state *state, const py_argument *keys)
{
    int64_t row = INT64_MAX;
    const py_column *key = first_missing_code(keys, &row);
    if (key != NULL) fail_missing_code(state, key, row);
    else
        py_error_fail(state, PC_ERR_GROUP, role_names[KEYS], -1, NULL,
                      "changed while it was being read");
    return -1;
}

static int put_keys(py_state *state, PyObject *result, const pc_total *total, const py_argument *keys,
                    const pc_total_plan *plan)
{
    npy_intp g = (npy_intp)pc_total_n_groups(total);
    const int64_t n_keys = keys->n - plan->by_unit;
    PyObject *values = PyList_New((Py_ssize_t)n_keys);
    PyObject *missing = PyList_New((Py_ssize_t)n_keys);
    bool whole = values != NULL && missing != NULL, has_missing_code = false;
    for (int64_t k = 0; whole && k < n_keys; k++) {
        PyObject *value = PyArray_SimpleNew(1, &g, NPY_INT64);
        PyObject *gap = PyArray_SimpleNew(1, &g, NPY_BOOL);
        whole = value != NULL && gap != NULL;
        PyList_SET_ITEM(values, (Py_ssize_t)k, value);
        PyList_SET_ITEM(missing, (Py_ssize_t)k, gap);
        if (!whole) break;
        int64_t *at = PyArray_DATA((PyArrayObject *)value);
        uint8_t *is_gap = PyArray_DATA((PyArrayObject *)gap);
        pc_total_read_key(total, k, at, is_gap);
        const py_column *key = (py_column *)PyTuple_GET_ITEM(keys->tuple, (Py_ssize_t)(k + plan->by_unit));
        if (key->has_missing_code)
            has_missing_code = mark_missing_code(key, g, at, is_gap) || has_missing_code;
    }
    if (whole && has_missing_code && !plan->keep_missing) whole = refuse_missing_code(state, keys) == 0;
    if (whole) {
        const int failed = py_put(result, "key_values", values);
        return py_put(result, "key_missing", missing) < 0 || failed < 0 ? -1 : 0;
    }
    Py_XDECREF(values);
    Py_XDECREF(missing);
    return -1;
}

static PyObject *result_of(py_state *state, const pc_total *total, const pc_total_plan *plan,
                           const py_argument *keys, const pc_context *ctx)
{
    const int64_t peak = atomic_load(&ctx->memory.peak);
    PyObject *result = PyDict_New();
    if (result == NULL) return NULL;
    if (py_put(result, "n_groups", PyLong_FromLongLong(pc_total_n_groups(total))) == 0 &&
        put_keys(state, result, total, keys, plan) == 0 &&
        (plan->has_profile ? put_cells(state, result, total, ctx->n_threads)
                           : put_totals(result, total, plan)) == 0 &&
        (!plan->by_unit || put_units(state, result, total, plan, ctx->n_threads) == 0) &&
        py_put(result, "where_missing", PyLong_FromLongLong(pc_total_where_missing(total))) == 0 &&
        py_put(result, "zero_weights", PyLong_FromLongLong(pc_total_zero_weights(total))) == 0 &&
        py_put(result, "peak_bytes", PyLong_FromLongLong(peak)) == 0)
        return result;
    Py_DECREF(result);
    return NULL;
}

/* The core knows no code for missing: a key that is missing in the row of its error, or before, comes
 * first. */
static void raise_first(py_state *state, const pc_error *err, const py_argument roles[N_ROLES],
                        const py_scores *made, bool keep_missing)
{
    int64_t row = err->index + 1;
    const bool may_come = err->index >= 0 && !keep_missing;
    const py_column *key = may_come ? first_missing_code(&roles[KEYS], &row) : NULL;
    if (key != NULL) fail_missing_code(state, key, row);
    else py_error_raise(state, err, column_at_fault(err, roles, made));
}

typedef struct wishes {
    int keep_missing, profile, n_threads;
    bool by_unit;
    long long n_packed, expected_groups;
} wishes;

static PyObject *run(py_state *state, const pc_rows *rows, const py_argument roles[N_ROLES],
                     const py_scores *made, wishes wish)
{
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.memory.kept = &state->kept;
    if (wish.n_threads > 0)
        ctx.n_threads = wish.n_threads < PC_MAX_THREADS ? wish.n_threads : PC_MAX_THREADS;
    pc_total_plan plan = pc_total_plan_for(rows, wish.keep_missing != 0);
    plan.has_profile = wish.profile != 0;
    plan.by_unit = wish.by_unit;
    plan.expected_groups = wish.expected_groups;
    plan.expected_rows = rows->n;
    py_host host;
    py_host_begin(&host, &ctx);
    pc_total *total = add_rows(&ctx, &plan, rows);
    py_host_end(&host);
    PyObject *result = NULL;
    if (total == NULL)
        raise_first(state, &ctx.error, roles, made, wish.keep_missing != 0);
    else if (!PyErr_Occurred())
        result = result_of(state, total, &plan, &roles[KEYS], &ctx);
    pc_total_free(&ctx, total);
    return result;
}

PyObject *py_total(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"n",       "keys",   "weight", "size",         "where",
                            "flags",   "values", "pairs",  "made",         "keep_missing",
                            "profile", "packed", "n_packed", "expected_groups", "n_threads",
                            "unit",    NULL};
    py_state *state = py_module_state(module);
    long long n;
    wishes wish = {0, 0, 0, false, 0, 0};
    PyObject *keys, *weight = Py_None, *size = Py_None, *where = Py_None, *packed = Py_None, *unit = Py_None;
    PyObject *flags = NULL, *values = NULL, *pairs = NULL, *made = Py_None, *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "LO|$OOOOOOOppOLLiO:total", words, &n, &keys,
                                     &weight, &size, &where, &flags, &values, &pairs, &made,
                                     &wish.keep_missing, &wish.profile, &packed, &wish.n_packed,
                                     &wish.expected_groups, &wish.n_threads, &unit))
        return NULL;
    if (n < 0)
        return py_error_fail(state, PC_ERR_LENGTH, "n", -1, NULL, "is negative; it counts rows");
    if (made != Py_None && !Py_IS_TYPE(made, state->scores_type))
        return py_error_fail(state, PC_ERR_TYPE, "made", -1, NULL, "is not a Scores");
    const py_scores *own = made == Py_None ? NULL : (const py_scores *)made;
    py_argument roles[N_ROLES] = {{NULL, NULL, NULL, 0}};
    for (int r = 0; r < N_ROLES; r++)
        roles[r].name = role_names[r];
    wish.by_unit = unit != Py_None;
    if (take_keys(state, &roles[KEYS], unit, keys) == 0 &&
        py_argument_take_many(state, &roles[FLAGS], flags) == 0 &&
        py_argument_take_many(state, &roles[VALUES], values) == 0 &&
        take_pairs(state, &roles[PAIRS], pairs) == 0 &&
        py_argument_take_one(state, &roles[WEIGHT], weight) == 0 &&
        py_argument_take_one(state, &roles[SIZE], size) == 0 &&
        py_argument_take_one(state, &roles[WHERE], where) == 0 &&
        py_argument_take_one(state, &roles[PACKED], packed) == 0) {
        const pc_rows rows = rows_of((int64_t)n, roles, own, (int64_t)wish.n_packed);
        if (roles[PACKED].n > 0 && roles[FLAGS].n > 0)
            py_error_fail(state, PC_ERR_LENGTH, role_names[PACKED], -1, NULL,
                          "stands beside flags; indicators come in one of the two ways");
        else result = run(state, &rows, roles, own, wish);
    }
    for (int r = 0; r < N_ROLES; r++) py_argument_free(&roles[r]);
    return result;
}
