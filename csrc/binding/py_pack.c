#include "py_pack.h"

#include "pc_pack.h"
#include "py_argument.h"
#include "py_array.h"
#include "py_error.h"
#include "py_host.h"

static PyObject *masks(py_state *state, int64_t n, int64_t width)
{
    npy_intp shape = (npy_intp)n;
    const int type = width == 1   ? NPY_UINT8
                     : width == 2 ? NPY_UINT16
                     : width == 4 ? NPY_UINT32
                                  : NPY_UINT64;
    return py_array_new(state, 1, &shape, type);
}

static bool may_miss(const pc_pack_columns *from)
{
    for (int64_t j = 0; j < from->n; j++)
        if (!pc_column_is_complete(from->columns[j])) return true;
    return false;
}

/* (deprived, missing), the latter None where nothing is missing. */
static PyObject *run(py_state *state, const py_argument *role, int64_t n, int n_threads)
{
    const pc_pack_columns from = {role->n, role->columns, role->name};
    const int64_t width = pc_pack_width(from.n);
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.memory.kept = &state->kept;
    if (n_threads > 0) ctx.n_threads = n_threads < PC_MAX_THREADS ? n_threads : PC_MAX_THREADS;
    PyObject *deprived = masks(state, n, width), *missing = may_miss(&from) ? masks(state, n, width) : Py_NewRef(Py_None);
    PyObject *result = NULL;
    if (deprived != NULL && missing != NULL) {
        void *gaps = missing == Py_None ? NULL : PyArray_DATA((PyArrayObject *)missing);
        bool any_missing = false;
        py_host host;
        py_host_begin(&host, &ctx);
        const pc_status status =
            pc_pack_rows(&ctx, &from, n, PyArray_DATA((PyArrayObject *)deprived), gaps, &any_missing);
        py_host_end(&host);
        const int64_t which = ctx.error.which < 0 ? 0 : ctx.error.which;
        if (status != PC_OK)
            py_error_raise(state, &ctx.error,
                           which < role->n ? py_argument_column_name(role, which) : NULL);
        else if (!PyErr_Occurred())
            result = PyTuple_Pack(2, deprived, any_missing ? missing : Py_None);
    }
    Py_XDECREF(deprived);
    Py_XDECREF(missing);
    return result;
}

PyObject *py_pack(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"n", "indicators", "n_threads", NULL};
    py_state *state = py_module_state(module);
    long long n;
    int n_threads = 0;
    PyObject *indicators, *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "LO|$i:pack", words, &n, &indicators, &n_threads))
        return NULL;
    if (n < 0)
        return py_error_fail(state, PC_ERR_LENGTH, "n", -1, NULL, "is negative; it counts rows");
    py_argument role = {"indicator", NULL, NULL, 0};
    if (py_argument_take_many(state, &role, indicators) == 0)
        result = run(state, &role, (int64_t)n, n_threads);
    py_argument_free(&role);
    return result;
}
