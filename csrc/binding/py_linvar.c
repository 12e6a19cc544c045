#include "py_linvar.h"

#include "pc_linvar.h"
#include "py_array.h"
#include "py_error.h"
#include "py_host.h"

/* ---- inputs ---- */

static const int64_t *whole(py_state *state, PyObject *object, const char *what, int64_t *n)
{
    return py_array_elements(state, object, NPY_INT64, what, n);
}

static const double *real(py_state *state, PyObject *object, const char *what, int64_t *n)
{
    return py_array_elements(state, object, NPY_DOUBLE, what, n);
}

/* Whether there can be so many; else an exception is set. */
static bool is_count(py_state *state, long long n, const char *what)
{
    if (n < 0) py_error_fail(state, PC_ERR_LENGTH, what, -1, NULL, "is negative");
    else if (n > PC_LINVAR_MOST) py_error_fail(state, PC_ERR_LIMIT, what, -1, NULL, "is too large");
    return n >= 0 && n <= PC_LINVAR_MOST;
}

/* From (start, unit, value). 0, or -1 with an exception set. */
static int take_parts(py_state *state, PyObject *tuple, int64_t n_units, pc_parts *parts)
{
    PyObject *start, *unit, *value;
    int64_t n_starts = -1;
    if (!PyArg_ParseTuple(tuple, "OOO;parts are start, unit and value", &start, &unit, &value))
        return -1;
    *parts = (pc_parts){.n_parts = -1, .n_units = n_units};
    parts->start = whole(state, start, "start", &n_starts);
    if (parts->start == NULL) return -1;
    if (n_starts == 0) {
        py_error_fail(state, PC_ERR_LENGTH, "start", -1, NULL, "is empty");
        return -1;
    }
    parts->n_rows = n_starts - 1;
    parts->unit = whole(state, unit, "unit", &parts->n_parts);
    if (parts->unit == NULL) return -1;
    parts->value = real(state, value, "value", &parts->n_parts);
    return parts->value == NULL ? -1 : 0;
}

/* From (stratum, first, label or None, n_labels, factor). 0, or -1 with an exception set. */
static int take_stage(py_state *state, PyObject *tuple, pc_stage *stage)
{
    PyObject *stratum, *first, *label, *factor;
    long long n_labels;
    int64_t n_first = -1;
    if (!PyArg_ParseTuple(tuple, "OOOLO;a stage is stratum, first, label, n_labels and factor",
                          &stratum, &first, &label, &n_labels, &factor))
        return -1;
    *stage = (pc_stage){.n_units = -1, .n_strata = -1, .n_labels = (int64_t)n_labels};
    stage->stratum = whole(state, stratum, "stratum", &stage->n_units);
    if (stage->stratum == NULL) return -1;
    stage->factor = real(state, factor, "factor", &stage->n_strata);
    if (stage->factor == NULL) return -1;
    n_first = stage->n_strata + 1;
    stage->first = whole(state, first, "first", &n_first);
    if (stage->first == NULL) return -1;
    if (label != Py_None) {
        stage->label = whole(state, label, "label", &stage->n_units);
        if (stage->label == NULL) return -1;
    } else stage->n_labels = stage->n_units;
    if (stage->n_labels >= 0) return 0;
    py_error_fail(state, PC_ERR_LENGTH, "label", -1, NULL, "has a negative number of labels");
    return -1;
}

static int take_both(py_state *state, PyObject *parts, PyObject *stage, pc_parts *p, pc_stage *s)
{
    if (!PyTuple_Check(parts) || !PyTuple_Check(stage)) {
        PyErr_SetString(PyExc_TypeError, "parts and stage are tuples");
        return -1;
    }
    return take_stage(state, stage, s) < 0 ? -1 : take_parts(state, parts, s->n_units, p);
}

/* ---- results ---- */

static PyObject *array(int type, int64_t n)
{
    npy_intp shape = (npy_intp)n;
    return PyArray_SimpleNew(1, &shape, type);
}

static void *data(PyObject *array_or_null)
{
    return PyArray_DATA((PyArrayObject *)array_or_null);
}

/* The first n of an array, which is given up. */
static PyObject *cut(PyObject *whole_array, int64_t n)
{
    PyObject *part = PySequence_GetSlice(whole_array, 0, (Py_ssize_t)n);
    Py_DECREF(whole_array);
    return part;
}

/* The tuple (start, unit, value) of n_parts parts; the arrays are given up. */
static PyObject *parts_of(PyObject *start, PyObject *unit, PyObject *value, int64_t n_parts)
{
    return Py_BuildValue("(NNN)", start, cut(unit, n_parts), cut(value, n_parts));
}

static void give_up(PyObject *start, PyObject *unit, PyObject *value)
{
    Py_XDECREF(start);
    Py_XDECREF(unit);
    Py_XDECREF(value);
}

/* True when the core succeeded and no exception came meanwhile; else one is set. */
static bool succeeded(py_state *state, const pc_context *ctx, pc_status status)
{
    if (status != PC_OK) py_error_raise(state, &ctx->error, NULL);
    return !PyErr_Occurred();
}

/* ---- the calls ---- */

PyObject *py_linvar_sort(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    long long n_rows, n_units;
    PyObject *row_array, *unit_array, *value_array;
    int64_t n = -1, n_parts = 0;
    if (!PyArg_ParseTuple(args, "LLOOO:linvar_sort", &n_rows, &n_units, &row_array, &unit_array,
                          &value_array))
        return NULL;
    if (!is_count(state, n_rows, "n_rows") || !is_count(state, n_units, "n_units")) return NULL;
    const int64_t *row = whole(state, row_array, "row", &n);
    const int64_t *unit = row == NULL ? NULL : whole(state, unit_array, "unit", &n);
    const double *value = unit == NULL ? NULL : real(state, value_array, "value", &n);
    if (value == NULL) return NULL;
    PyObject *start = array(NPY_INT64, (int64_t)n_rows + 1);
    PyObject *units = array(NPY_INT64, n), *values = array(NPY_DOUBLE, n);
    if (start != NULL && units != NULL && values != NULL) {
        pc_context ctx;
        py_host host;
        pc_context_init(&ctx);
        py_host_begin(&host, &ctx);
        const pc_status status =
            pc_linvar_sort(&ctx, n, row, unit, value, (int64_t)n_rows, (int64_t)n_units,
                           data(start), data(units), data(values), &n_parts);
        py_host_end(&host);
        if (succeeded(state, &ctx, status)) return parts_of(start, units, values, n_parts);
    }
    give_up(start, units, values);
    return NULL;
}

/* An array that may be None, then NULL. 0, or -1 with an exception set. */
static int real_or_none(py_state *state, PyObject *object, const char *what, int64_t n, const double **out)
{
    *out = object == Py_None ? NULL : real(state, object, what, &n);
    return object != Py_None && *out == NULL ? -1 : 0;
}

/* From (start, unit, row, weight, above, below or None, ratio or None, divisor or None). */
static int take_source(py_state *state, PyObject *tuple, pc_source *source)
{
    PyObject *start, *unit, *row, *weight, *above, *below, *ratio, *divisor;
    int64_t n_starts = -1;
    if (!PyTuple_Check(tuple) || !PyArg_ParseTuple(tuple, "OOOOOOOO", &start, &unit, &row, &weight, &above,
                                                   &below, &ratio, &divisor)) {
        PyErr_Clear();
        PyErr_SetString(PyExc_TypeError, "a source is a tuple of eight arrays, of which the last three may be None");
        return -1;
    }
    *source = (pc_source){.n_cells = -1};
    source->start = whole(state, start, "start", &n_starts);
    if (source->start == NULL) return -1;
    if (n_starts == 0) {
        py_error_fail(state, PC_ERR_LENGTH, "start", -1, NULL, "is empty");
        return -1;
    }
    source->n_groups = n_starts - 1;
    source->unit = whole(state, unit, "unit", &source->n_cells);
    source->row = source->unit == NULL ? NULL : whole(state, row, "row", &source->n_groups);
    source->weight = source->row == NULL ? NULL : real(state, weight, "weight", &source->n_cells);
    source->above = source->weight == NULL ? NULL : real(state, above, "above", &source->n_cells);
    if (source->above == NULL) return -1;
    if (real_or_none(state, below, "below", source->n_cells, &source->below) < 0) return -1;
    if (real_or_none(state, ratio, "ratio", source->n_groups, &source->ratio) < 0) return -1;
    return real_or_none(state, divisor, "divisor", source->n_groups, &source->divisor);
}

/* The parts of sources that have been taken. */
static PyObject *parts_from(py_state *state, int64_t n, const pc_source *sources, int64_t n_rows, int64_t n_units)
{
    int64_t n_cells = 0, n_parts = 0;
    for (int64_t s = 0; s < n; s++) n_cells += sources[s].n_cells;
    PyObject *start = array(NPY_INT64, n_rows + 1);
    PyObject *unit = array(NPY_INT64, n_cells), *value = array(NPY_DOUBLE, n_cells);
    if (start != NULL && unit != NULL && value != NULL) {
        pc_context ctx;
        py_host host;
        pc_context_init(&ctx);
        py_host_begin(&host, &ctx);
        const pc_status status = pc_linvar_parts(&ctx, n, sources, n_rows, n_units, n_cells, data(start),
                                                 data(unit), data(value), &n_parts);
        py_host_end(&host);
        if (succeeded(state, &ctx, status)) return parts_of(start, unit, value, n_parts);
    }
    give_up(start, unit, value);
    return NULL;
}

/* Variances and counts of sources that have been taken. */
static PyObject *figures_from(py_state *state, int64_t n, const pc_source *sources, int64_t n_rows, int64_t n_units,
                              const pc_stage *stage)
{
    PyObject *variance = array(NPY_DOUBLE, n_rows);
    PyObject *labels = array(NPY_INT64, n_rows), *strata = array(NPY_INT64, n_rows);
    if (variance != NULL && labels != NULL && strata != NULL) {
        pc_context ctx;
        py_host host;
        pc_context_init(&ctx);
        py_host_begin(&host, &ctx);
        const pc_status status = pc_linvar_figures(&ctx, stage, n, sources, n_rows, n_units, data(variance),
                                                   data(labels), data(strata));
        py_host_end(&host);
        if (succeeded(state, &ctx, status)) return Py_BuildValue("(NNN)", variance, labels, strata);
    }
    give_up(variance, labels, strata);
    return NULL;
}

/* Take the sources of a sequence, and make parts of them, or figures where there is a stage. */
static PyObject *of_sources(py_state *state, PyObject *sequence, long long n_rows, long long n_units,
                            const pc_stage *stage)
{
    PyObject *result = NULL;
    if (n_rows < 0 || n_units < 0)
        return py_error_fail(state, PC_ERR_LENGTH, "n_rows", -1, NULL, "is negative");
    PyObject *tuple = PySequence_Tuple(sequence);
    if (tuple == NULL) return NULL;
    const int64_t n = (int64_t)PyTuple_GET_SIZE(tuple);
    pc_source *sources = PyMem_Calloc((size_t)n + 1, sizeof *sources);
    int taken = sources == NULL ? -1 : 0;
    if (sources == NULL) PyErr_NoMemory();
    for (int64_t s = 0; taken == 0 && s < n; s++)
        taken = take_source(state, PyTuple_GET_ITEM(tuple, (Py_ssize_t)s), &sources[s]);
    if (taken == 0)
        result = stage == NULL ? parts_from(state, n, sources, (int64_t)n_rows, (int64_t)n_units)
                               : figures_from(state, n, sources, (int64_t)n_rows, (int64_t)n_units, stage);
    PyMem_Free(sources);
    Py_DECREF(tuple);
    return result;
}

PyObject *py_linvar_parts(PyObject *module, PyObject *args)
{
    long long n_rows, n_units;
    PyObject *sequence;
    if (!PyArg_ParseTuple(args, "LLO:linvar_parts", &n_rows, &n_units, &sequence)) return NULL;
    return of_sources(py_module_state(module), sequence, n_rows, n_units, NULL);
}

PyObject *py_linvar_figures(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    long long n_rows;
    PyObject *sequence, *stage_tuple;
    pc_stage stage;
    if (!PyArg_ParseTuple(args, "LOO!:linvar_figures", &n_rows, &sequence, &PyTuple_Type, &stage_tuple)) return NULL;
    if (take_stage(state, stage_tuple, &stage) < 0) return NULL;
    return of_sources(state, sequence, n_rows, 2 * (long long)stage.n_units, &stage);
}

/* Combinations first .. of rows with weights; the parts have been taken. */
static PyObject *combine(py_state *state, const pc_parts *parts, int64_t n, const int64_t *first,
                         int64_t n_terms, const int64_t *row, const double *weight)
{
    pc_context ctx;
    py_host host;
    int64_t n_cells = 0, n_parts = 0;
    pc_context_init(&ctx);
    const pc_status counted =
        pc_linvar_combine_cells(&ctx, parts, n, first, n_terms, row, &n_cells);
    if (!succeeded(state, &ctx, counted)) return NULL;
    PyObject *start = array(NPY_INT64, n + 1);
    PyObject *unit = array(NPY_INT64, n_cells), *value = array(NPY_DOUBLE, n_cells);
    if (start != NULL && unit != NULL && value != NULL) {
        py_host_begin(&host, &ctx);
        const pc_status status =
            pc_linvar_combine(&ctx, parts, n, first, n_terms, row, weight, n_cells, data(start),
                              data(unit), data(value), &n_parts);
        py_host_end(&host);
        if (succeeded(state, &ctx, status)) return parts_of(start, unit, value, n_parts);
    }
    give_up(start, unit, value);
    return NULL;
}

PyObject *py_linvar_combine(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    PyObject *tuple, *first_array, *row_array, *weight_array;
    long long n_units;
    int64_t n_first = -1, n_terms = -1;
    pc_parts parts;
    if (!PyArg_ParseTuple(args, "O!LOOO:linvar_combine", &PyTuple_Type, &tuple, &n_units,
                          &first_array, &row_array, &weight_array))
        return NULL;
    if (!is_count(state, n_units, "n_units")) return NULL;
    if (take_parts(state, tuple, (int64_t)n_units, &parts) < 0) return NULL;
    const int64_t *first = whole(state, first_array, "first", &n_first);
    const int64_t *row = first == NULL ? NULL : whole(state, row_array, "row", &n_terms);
    const double *weight = row == NULL ? NULL : real(state, weight_array, "weight", &n_terms);
    if (weight == NULL) return NULL;
    if (n_first == 0)
        return py_error_fail(state, PC_ERR_LENGTH, "first", -1, NULL, "is empty");
    return combine(state, &parts, n_first - 1, first, n_terms, row, weight);
}

typedef pc_status (*per_row_fn)(pc_context *ctx, const pc_stage *stage, const pc_parts *parts,
                                double *result);

/* variance or cov, by rows or by pairs of rows. */
static PyObject *numbers(PyObject *module, PyObject *args, per_row_fn fn, int n_dims)
{
    py_state *state = py_module_state(module);
    PyObject *parts_tuple, *stage_tuple;
    pc_parts parts;
    pc_stage stage;
    if (!PyArg_ParseTuple(args, "OO", &parts_tuple, &stage_tuple)) return NULL;
    if (take_both(state, parts_tuple, stage_tuple, &parts, &stage) < 0) return NULL;
    npy_intp shape[2] = {(npy_intp)parts.n_rows, (npy_intp)parts.n_rows};
    PyObject *result = PyArray_SimpleNew(n_dims, shape, NPY_DOUBLE);
    if (result == NULL) return NULL;
    pc_context ctx;
    py_host host;
    pc_context_init(&ctx);
    py_host_begin(&host, &ctx);
    const pc_status status = fn(&ctx, &stage, &parts, data(result));
    py_host_end(&host);
    if (succeeded(state, &ctx, status)) return result;
    Py_DECREF(result);
    return NULL;
}

PyObject *py_linvar_variance(PyObject *module, PyObject *args)
{
    return numbers(module, args, pc_linvar_variance, 1);
}

PyObject *py_linvar_cov(PyObject *module, PyObject *args)
{
    return numbers(module, args, pc_linvar_cov, 2);
}

PyObject *py_linvar_count(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    PyObject *parts_tuple, *stage_tuple;
    int all_units;
    pc_parts parts;
    pc_stage stage;
    if (!PyArg_ParseTuple(args, "OOp:linvar_count", &parts_tuple, &stage_tuple, &all_units))
        return NULL;
    if (take_both(state, parts_tuple, stage_tuple, &parts, &stage) < 0) return NULL;
    PyObject *labels = array(NPY_INT64, parts.n_rows), *strata = array(NPY_INT64, parts.n_rows);
    if (labels != NULL && strata != NULL) {
        pc_context ctx;
        py_host host;
        pc_context_init(&ctx);
        py_host_begin(&host, &ctx);
        const pc_status status =
            pc_linvar_count(&ctx, &stage, &parts, all_units != 0, data(labels), data(strata));
        py_host_end(&host);
        if (succeeded(state, &ctx, status)) return Py_BuildValue("(NN)", labels, strata);
    }
    give_up(labels, strata, NULL);
    return NULL;
}
