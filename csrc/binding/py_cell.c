#include "py_cell.h"

#include "pc_cell.h"
#include "py_argument.h"
#include "py_array.h"
#include "py_error.h"
#include "py_host.h"

enum { PROFILE, WEIGHT, N_ROLES };

/* The factors, from arrays that stay the caller's; mask may be None. 0, or -1 with an exception set. */
static int take_factors(py_state *state, PyObject *matrix, PyObject *mask, pc_cell_factors *factors)
{
    factors->factor = py_array_matrix(state, matrix, "factor", &factors->n, &factors->n_profiles);
    if (factors->factor == NULL) return -1;
    if (factors->n_by_bit < 0 || factors->n_by_bit > factors->n) {
        py_error_fail(state, PC_ERR_LIMIT, "n_by_bit", -1, NULL, "is not in 0 .. the factors");
        return -1;
    }
    if (mask == Py_None) return 0;
    factors->mask = py_array_elements(state, mask, NPY_UINT64, "mask", &factors->n_profiles);
    return factors->mask == NULL ? -1 : 0;
}

/* (sums, sums by bit) */
static PyObject *run(py_state *state, const pc_cells *cells, const pc_cell_factors *factors,
                     int n_threads)
{
    npy_intp sums[2] = {(npy_intp)cells->n_groups, (npy_intp)factors->n};
    npy_intp bits[3] = {sums[0], (npy_intp)factors->n_by_bit, (npy_intp)factors->n_bits};
    PyObject *result = NULL;
    PyObject *sum = PyArray_SimpleNew(2, sums, NPY_DOUBLE), *bit = PyArray_SimpleNew(3, bits, NPY_DOUBLE);
    if (sum != NULL && bit != NULL) {
        pc_context ctx;
        pc_context_init(&ctx);
        if (n_threads > 0) ctx.n_threads = n_threads < PC_MAX_THREADS ? n_threads : PC_MAX_THREADS;
        py_host host;
        py_host_begin(&host, &ctx);
        const pc_status status =
            pc_cell_sums(&ctx, cells, factors, PyArray_DATA((PyArrayObject *)sum),
                         PyArray_DATA((PyArrayObject *)bit));
        py_host_end(&host);
        if (status != PC_OK) py_error_raise(state, &ctx.error, NULL);
        else if (!PyErr_Occurred()) result = PyTuple_Pack(2, sum, bit);
    }
    Py_XDECREF(sum);
    Py_XDECREF(bit);
    return result;
}

PyObject *py_cell_sums(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"start",  "profile", "weight",    "factor", "n_by_bit",
                            "n_bits", "mask",    "n_threads", NULL};
    py_state *state = py_module_state(module);
    PyObject *start, *columns[N_ROLES], *matrix, *mask = Py_None, *result = NULL;
    long long n_by_bit = 0, n_bits = 0;
    int64_t n_starts = -1;
    int n_threads = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOO|$LLOi:cell_sums", words, &start,
                                     &columns[PROFILE], &columns[WEIGHT], &matrix,
                                     &n_by_bit, &n_bits, &mask, &n_threads))
        return NULL;
    if (n_bits < 0 || n_bits > PC_CELL_MOST_BITS)
        return py_error_fail(state, PC_ERR_LIMIT, "n_bits", -1, NULL, "is not in 0 .. 64");
    const int64_t *starts = py_array_elements(state, start, NPY_INT64, "start", &n_starts);
    if (starts == NULL) return NULL;
    if (n_starts == 0) return py_error_fail(state, PC_ERR_LENGTH, "start", -1, NULL, "is empty");
    py_argument roles[N_ROLES] = {{.name = "profile"}, {.name = "weight"}};
    pc_cell_factors factors = {
        .n = -1, .n_profiles = -1, .n_by_bit = (int64_t)n_by_bit, .n_bits = (int64_t)n_bits};
    bool is_taken = take_factors(state, matrix, mask, &factors) == 0;
    for (int r = 0; is_taken && r < N_ROLES; r++) {
        is_taken = py_argument_take_one(state, &roles[r], columns[r]) == 0;
        if (is_taken && py_argument_only(&roles[r]) == NULL) {
            py_error_fail(state, PC_ERR_TYPE, roles[r].name, -1, NULL, "is None");
            is_taken = false;
        }
    }
    if (is_taken) {
        const pc_cells cells = {.n_groups = n_starts - 1,
                                .start = starts,
                                .profile = py_argument_only(&roles[PROFILE]),
                                .weight = py_argument_only(&roles[WEIGHT])};
        result = run(state, &cells, &factors, n_threads);
    }
    for (int r = 0; r < N_ROLES; r++) py_argument_free(&roles[r]);
    return result;
}
