#include "py_trend.h"

#include "pc_trend.h"
#include "py_array.h"
#include "py_error.h"
#include "py_host.h"

#include <string.h>

enum { MOST_RESULTS = 5 };

/* From three arrays. 0, or -1 with an exception set. */
static int take_series(py_state *state, PyObject *const *arrays, pc_series *series)
{
    int64_t n_starts = -1;
    *series = (pc_series){.n_points = -1};
    series->start = py_array_elements(state, arrays[0], NPY_INT64, "start", &n_starts);
    if (series->start == NULL) return -1;
    if (n_starts == 0) {
        py_error_fail(state, PC_ERR_LENGTH, "start", -1, NULL, "is empty");
        return -1;
    }
    series->n_series = n_starts - 1;
    series->time = py_array_elements(state, arrays[1], NPY_DOUBLE, "time", &series->n_points);
    if (series->time == NULL) return -1;
    series->value = py_array_elements(state, arrays[2], NPY_DOUBLE, "value", &series->n_points);
    return series->value == NULL ? -1 : 0;
}

/* What a call gives back: arrays of int64 ('i') or double ('d'), by series or by point ('D'). */
typedef struct results {
    int n;
    PyObject *array[MOST_RESULTS];
} results;

static void *data(const results *r, int k)
{
    return PyArray_DATA((PyArrayObject *)r->array[k]);
}

static void give_up(results *r)
{
    for (int k = 0; k < r->n; k++)
        Py_XDECREF(r->array[k]);
}

/* 0, or -1 with an exception set. The core writes what is by point for the points of some series only:
 * others have 0. */
static int make_results(results *r, const char *kinds, const pc_series *series)
{
    r->n = 0;
    for (const char *kind = kinds; *kind != '\0'; kind++) {
        npy_intp n = (npy_intp)(*kind == 'D' ? series->n_points : series->n_series);
        r->array[r->n] = *kind == 'D' ? PyArray_ZEROS(1, &n, NPY_DOUBLE, 0)
                                      : PyArray_SimpleNew(1, &n, *kind == 'i' ? NPY_INT64 : NPY_DOUBLE);
        if (r->array[r->n] == NULL) {
            give_up(r);
            return -1;
        }
        r->n++;
    }
    return 0;
}

/* The results as a tuple when the core succeeded and no exception came meanwhile; they are given up. */
static PyObject *finish(py_state *state, const pc_context *ctx, pc_status status, results *r)
{
    PyObject *tuple = NULL;
    if (status != PC_OK) py_error_raise(state, &ctx->error, NULL);
    if (!PyErr_Occurred()) tuple = PyTuple_New(r->n);
    if (tuple == NULL) {
        give_up(r);
        return NULL;
    }
    for (int k = 0; k < r->n; k++)
        PyTuple_SET_ITEM(tuple, k, r->array[k]);
    return tuple;
}

PyObject *py_trend_line(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    PyObject *arrays[3], *weights = Py_None;
    const double *weight = NULL;
    pc_series series;
    results r;
    pc_context ctx;
    py_host host;
    if (!PyArg_ParseTuple(args, "OOO|O:trend_line", &arrays[0], &arrays[1], &arrays[2], &weights))
        return NULL;
    if (take_series(state, arrays, &series) < 0) return NULL;
    if (weights != Py_None) {
        weight = py_array_elements(state, weights, NPY_DOUBLE, "weight", &series.n_points);
        if (weight == NULL) return NULL;
    }
    if (make_results(&r, "dddDD", &series) < 0) return NULL;
    pc_context_init(&ctx);
    py_host_begin(&host, &ctx);
    const pc_status status = pc_trend_line(&ctx, &series, weight, data(&r, 0), data(&r, 1),
                                           data(&r, 2), data(&r, 3), data(&r, 4));
    py_host_end(&host);
    return finish(state, &ctx, status, &r);
}

PyObject *py_trend_sen(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    PyObject *arrays[3];
    double z;
    pc_series series;
    results r;
    pc_context ctx;
    py_host host;
    if (!PyArg_ParseTuple(args, "OOOd:trend_sen", &arrays[0], &arrays[1], &arrays[2], &z)) return NULL;
    if (take_series(state, arrays, &series) < 0) return NULL;
    if (make_results(&r, "dddd", &series) < 0) return NULL;
    pc_context_init(&ctx);
    py_host_begin(&host, &ctx);
    const pc_status status = pc_trend_sen(&ctx, &series, z, data(&r, 0), data(&r, 1), data(&r, 2),
                                          data(&r, 3));
    py_host_end(&host);
    return finish(state, &ctx, status, &r);
}

/* PC_CORRECT_END with an exception set where there is no such word. */
static pc_correction correction_of(py_state *state, const char *word)
{
    static const char *const words[PC_CORRECT_END] = {"none", "hamed_rao", "yue_wang",
                                                      "pre_whitening", "trend_free_pre_whitening"};
    for (int k = 0; k < PC_CORRECT_END; k++)
        if (strcmp(word, words[k]) == 0) return (pc_correction)k;
    py_error_fail(state, PC_ERR_VALUE, "correction", -1, NULL, "is not one of those known");
    return PC_CORRECT_END;
}

PyObject *py_trend_kendall(PyObject *module, PyObject *args)
{
    py_state *state = py_module_state(module);
    PyObject *arrays[3];
    const char *word;
    double z;
    pc_series series;
    results r;
    pc_context ctx;
    py_host host;
    if (!PyArg_ParseTuple(args, "OOOsd:trend_kendall", &arrays[0], &arrays[1], &arrays[2], &word, &z))
        return NULL;
    const pc_correction correction = correction_of(state, word);
    if (correction == PC_CORRECT_END) return NULL;
    if (take_series(state, arrays, &series) < 0) return NULL;
    if (make_results(&r, "iiidd", &series) < 0) return NULL;
    pc_context_init(&ctx);
    py_host_begin(&host, &ctx);
    const pc_status status =
        pc_trend_kendall(&ctx, &series, correction, z, data(&r, 0), data(&r, 1), data(&r, 2),
                         data(&r, 3), data(&r, 4));
    py_host_end(&host);
    return finish(state, &ctx, status, &r);
}
