#include "py_af.h"

#include "pc_af.h"
#include "py_error.h"
#include "py_host.h"

#include <string.h>

enum { MOST_DIMS = 4 };

/* ---- inputs ---- */

/* An argument as a matrix of doubles or int64 in C order, or NULL with an exception set. */
static PyArrayObject *matrix(py_state *state, PyObject *object, const char *name, int type)
{
    const char *wrong = NULL;
    if (!PyArray_Check(object)) wrong = "is not a NumPy array";
    else if (PyArray_NDIM((PyArrayObject *)object) != 2) wrong = "has not two dimensions";
    else if (!PyArray_EquivTypenums(PyArray_TYPE((PyArrayObject *)object), type))
        wrong = type == NPY_DOUBLE ? "is not of float64" : "is not of int64";
    else if (!PyArray_ISCARRAY_RO((PyArrayObject *)object))
        wrong = "is not in C order, aligned and of this machine's bytes";
    if (wrong == NULL) return (PyArrayObject *)object;
    py_error_fail(state, PC_ERR_TYPE, name, -1, NULL, wrong);
    return NULL;
}

static int has_shape(py_state *state, PyArrayObject *array, const char *name, int64_t n_rows,
                     int64_t n_columns)
{
    if (PyArray_DIM(array, 0) == n_rows && PyArray_DIM(array, 1) == n_columns) return 1;
    py_error_fail(state, PC_ERR_LENGTH, name, -1, NULL,
                  "has another shape than share, measures and the number of weightings ask for");
    return 0;
}

/* Words to measures. 0, or -1 with an exception set. */
static int take_measures(py_state *state, PyObject *words, pc_af_board *board)
{
    static const char *const names[] = {[PC_AF_HEADCOUNT] = "H", [PC_AF_M0] = "M0"};
    bool seen[PC_AF_N_MEASURES] = {false, false};
    const Py_ssize_t n = PyTuple_GET_SIZE(words);
    board->n_measures = 0;
    for (Py_ssize_t k = 0; k < n; k++) {
        const char *word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(words, k));
        if (word == NULL) return -1;
        for (int m = 0; m < PC_AF_N_MEASURES; m++) {
            if (strcmp(word, names[m]) != 0 || seen[m]) continue;
            seen[m] = true;
            board->measure[board->n_measures++] = (pc_af_measure)m;
        }
    }
    if (n > 0 && board->n_measures == n) return 0;
    py_error_fail(state, PC_ERR_VALUE, "measures", -1, NULL, "are not of 'H' and 'M0', each once");
    return -1;
}

/* ---- results ---- */

/* A new array that the dictionary owns; where to write, or NULL with an exception set. */
static void *put_array(PyObject *result, const char *word, int type, int n_dims,
                       const npy_intp *shape)
{
    npy_intp dims[MOST_DIMS] = {0};
    for (int d = 0; d < n_dims; d++) dims[d] = shape[d];
    PyObject *array = PyArray_SimpleNew(n_dims, dims, type);
    if (array == NULL) return NULL;
    const int failed = PyDict_SetItemString(result, word, array);
    Py_DECREF(array);
    return failed ? NULL : PyArray_DATA((PyArrayObject *)array);
}

static bool put_range(PyObject *result, const char *const words[3], const npy_intp *shape,
                      pc_af_range *range)
{
    range->least = put_array(result, words[0], NPY_DOUBLE, 3, shape);
    range->total = put_array(result, words[1], NPY_DOUBLE, 3, shape);
    range->n = put_array(result, words[2], NPY_INT64, 3, shape);
    return range->least != NULL && range->total != NULL && range->n != NULL;
}

/* Arrays for all that is kept. False with an exception set. */
static bool put_result(PyObject *result, const pc_af_board *board,
                       const pc_af_weightings *weightings, pc_af_result *out)
{
    static const char *const of_weighting[] = {"least", "total", "n"};
    static const char *const of_slot[] = {"slot_least", "slot_total", "slot_n"};
    const npy_intp m = (npy_intp)board->n_measures, g = (npy_intp)board->n_groups;
    const npy_intp slots = (npy_intp)pc_af_n_slots(weightings);
    const npy_intp groups[] = {m, g}, slot_groups[] = {m, slots, g}, pairs[] = {m, g, g};
    const npy_intp by_weighting[] = {(npy_intp)weightings->n, m, PC_AF_N_STATISTICS};
    const npy_intp by_slot[] = {m, slots, PC_AF_N_STATISTICS};
    const npy_intp ever[] = {m, slots, (npy_intp)pc_af_ever_words(board->n_groups)};
    if (!put_range(result, of_weighting, by_weighting, &out->of_weighting) ||
        !put_range(result, of_slot, by_slot, &out->of_slot))
        return false;
    out->rank = put_array(result, "rank", NPY_DOUBLE, 2, groups);
    out->level = put_array(result, "level", NPY_INT64, 2, groups);
    out->rank_least = put_array(result, "rank_least", NPY_DOUBLE, 3, slot_groups);
    out->rank_most = put_array(result, "rank_most", NPY_DOUBLE, 3, slot_groups);
    out->rank_total = put_array(result, "rank_total", NPY_DOUBLE, 3, slot_groups);
    out->value_least = put_array(result, "value_least", NPY_DOUBLE, 3, slot_groups);
    out->value_most = put_array(result, "value_most", NPY_DOUBLE, 3, slot_groups);
    out->turned = put_array(result, "turned", NPY_INT32, 3, pairs);
    out->ever = put_array(result, "ever", NPY_UINT64, 3, ever);
    return !PyErr_Occurred();
}

static PyObject *run(py_state *state, const pc_af_board *board,
                     const pc_af_weightings *weightings, int n_threads)
{
    pc_af_result out;
    PyObject *result = PyDict_New();
    if (result == NULL) return NULL;
    if (!put_result(result, board, weightings, &out)) goto fail;
    pc_context ctx;
    pc_context_init(&ctx);
    if (n_threads > 0) ctx.n_threads = n_threads < PC_MAX_THREADS ? n_threads : PC_MAX_THREADS;
    py_host host;
    py_host_begin(&host, &ctx);
    const pc_status status = pc_af_rank(&ctx, board, weightings, &out);
    py_host_end(&host);
    if (status == PC_OK && !PyErr_Occurred()) return result;
    if (status != PC_OK) py_error_raise(state, &ctx.error, NULL);
fail:
    Py_DECREF(result);
    return NULL;
}

PyObject *py_af(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"share", "baseline", "measures",  "score",
                            "value", "cutoff",   "n_threads", NULL};
    py_state *state = py_module_state(module);
    PyObject *objects[4], *cutoff_object = Py_None, *measures;
    int n_threads = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!OO|O$i:af", words, &objects[0], &objects[1],
                                     &PyTuple_Type, &measures, &objects[2], &objects[3],
                                     &cutoff_object, &n_threads))
        return NULL;
    pc_af_board board = {0};
    if (take_measures(state, measures, &board) < 0) return NULL;
    PyArrayObject *share = matrix(state, objects[0], "share", NPY_DOUBLE);
    PyArrayObject *baseline = share ? matrix(state, objects[1], "baseline", NPY_DOUBLE) : NULL;
    PyArrayObject *score = baseline ? matrix(state, objects[2], "score", NPY_INT64) : NULL;
    PyArrayObject *value = score ? matrix(state, objects[3], "value", NPY_DOUBLE) : NULL;
    if (value == NULL) return NULL;
    PyArrayObject *cutoff = NULL;
    if (cutoff_object != Py_None) {
        cutoff = matrix(state, cutoff_object, "cutoff", NPY_INT64);
        if (cutoff == NULL) return NULL;
        if (PyArray_DIM(cutoff, 1) == 0)
            return py_error_fail(state, PC_ERR_LENGTH, "cutoff", -1, NULL,
                                 "has no columns; without cut-offs it is None");
    }
    const int64_t n_cutoffs = cutoff == NULL ? 0 : (int64_t)PyArray_DIM(cutoff, 1);
    board.n_profiles = (int64_t)PyArray_DIM(share, 0);
    board.n_groups = (int64_t)PyArray_DIM(share, 1);
    const int64_t n = (int64_t)PyArray_DIM(score, 0);
    if (!has_shape(state, baseline, "baseline", board.n_measures, board.n_groups) ||
        !has_shape(state, score, "score", n, board.n_profiles) ||
        !has_shape(state, value, "value", n, board.n_profiles) ||
        (cutoff != NULL && !has_shape(state, cutoff, "cutoff", n, n_cutoffs)))
        return NULL;
    board.share = PyArray_DATA(share);
    board.baseline = PyArray_DATA(baseline);
    const pc_af_weightings weightings = {.n = n,
                                         .score = PyArray_DATA(score),
                                         .value = PyArray_DATA(value),
                                         .n_cutoffs = n_cutoffs,
                                         .cutoff = cutoff ? PyArray_DATA(cutoff) : NULL};
    return run(state, &board, &weightings, n_threads);
}
