/*
 * `povertycore._core`: its functions and its state. Multi-phase initialisation, no globals of ours.
 *
 * Not marked Py_MOD_GIL_NOT_USED: encode_objects reads arrays of Python objects, which another
 * thread could change meanwhile. A free-threaded Python turns the GIL on for this module.
 */
#define PY_NUMPY_IMPORT
#include "py_module.h"

#include "pc_cpu.h"
#include "py_af.h"
#include "py_array.h"
#include "py_arrow.h"
#include "py_cell.h"
#include "py_column.h"
#include "py_distinct.h"
#include "py_error.h"
#include "py_fgt.h"
#include "py_group.h"
#include "py_pack.h"
#include "py_panel.h"
#include "py_linvar.h"
#include "py_score.h"
#include "py_total.h"
#include "py_trend.h"
#include "py_units.h"

py_state *py_module_state(PyObject *module)
{
    return PyModule_GetState(module);
}

/* For the benchmark, which refuses a build whose speed says nothing. */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum { OPTIMIZED = 1 };
#else
enum { OPTIMIZED = 0 };
#endif

static PyObject *info(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    return Py_BuildValue("{s:s,s:i,s:O}", "simd",
                         pc_cpu_simd() == PC_SIMD_AVX2 ? "avx2" : "portable", "threads",
                         pc_cpu_threads(), "optimized", OPTIMIZED ? Py_True : Py_False);
}

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function)

PyDoc_STRVAR(af_doc,
             "af(share, baseline, measures, score, value, cutoff=None, *, n_threads=0)\n--\n\n"
             "Rankings of groups by H and M0 under many weightings, beside a baseline.");
PyDoc_STRVAR(cell_sums_doc,
             "cell_sums(start, profile, weight, factor, *, n_by_bit=0, n_bits=0, mask=None, n_threads=0)\n--\n\n"
             "Sums over the cells of a profile table, by group.");
PyDoc_STRVAR(column_array_doc,
             "column_array(values, mask=None, name='', missing_code=None)\n--\n\n"
             "View a one-dimensional NumPy array as a Column; mask: one byte a row, 1 = missing.");
PyDoc_STRVAR(column_arrow_doc, "column_arrow(obj, name='')\n--\n\n"
                               "View an Arrow column, or a table of one column, as a Column.");
PyDoc_STRVAR(encode_objects_doc,
             "encode_objects(values)\n--\n\n"
             "Codes of an array of str or missing, and the first row of each code.");
PyDoc_STRVAR(total_doc,
             "total(n, keys, *, weight=None, size=None, where=None, flags=(), values=(), pairs=(), "
             "made=None, keep_missing=False, profile=False, packed=None, n_packed=0, expected_groups=0, "
             "n_threads=0, unit=None)\n--\n\n"
             "Weighted totals by cell, in one pass over the rows.");
PyDoc_STRVAR(fgt_scores_doc, "fgt_scores(welfare, lines, scores, at_or_below)\n--\n\n"
                             "Poverty scores of each row, for total(made=...).");
PyDoc_STRVAR(product_scores_doc, "product_scores(columns, centres, products)\n--\n\n"
                                 "Products of centred columns, for total(made=...).");
PyDoc_STRVAR(distinct_doc, "distinct(n, keys)\n--\n\n"
                           "Combinations of integer keys that occur; None for other keys.");
PyDoc_STRVAR(linvar_sort_doc, "linvar_sort(n_rows, n_units, row, unit, value)\n--\n\n"
                              "Cells in any order as rows of parts: (start, unit, value).");
PyDoc_STRVAR(linvar_parts_doc, "linvar_parts(n_rows, n_units, sources)\n--\n\n"
                               "Parts of figures from their sums by group and unit: (start, unit, value).");
PyDoc_STRVAR(linvar_figures_doc, "linvar_figures(n_rows, sources, stage)\n--\n\n"
                                 "Variance, and number of units and strata, of each row of such parts.");
PyDoc_STRVAR(linvar_combine_doc,
             "linvar_combine(parts, n_units, first, row, weight)\n--\n\n"
             "Parts of linear combinations of rows.");
PyDoc_STRVAR(linvar_variance_doc, "linvar_variance(parts, stage)\n--\n\n"
                                  "Variance of each row, from one stage of a sample.");
PyDoc_STRVAR(linvar_cov_doc, "linvar_cov(parts, stage)\n--\n\n"
                             "Covariance of all rows, from one stage of a sample.");
PyDoc_STRVAR(linvar_count_doc, "linvar_count(parts, stage, all_units)\n--\n\n"
                               "How many units and strata each row uses.");
PyDoc_STRVAR(pack_doc, "pack(n, indicators, *, n_threads=0)\n--\n\n"
                       "Columns of 0/1 as bits of one number a row, and what is missing of them.");
PyDoc_STRVAR(trend_kendall_doc, "trend_kendall(start, time, value, correction, z)\n--\n\n"
                                "Mann-Kendall scores of many series, and their variances.");
PyDoc_STRVAR(trend_line_doc, "trend_line(start, time, value, weight=None)\n--\n\n"
                             "Lines of least squares through many series.");
PyDoc_STRVAR(trend_sen_doc, "trend_sen(start, time, value, z)\n--\n\n"
                            "Sen's slopes of many series, and their intervals.");
PyDoc_STRVAR(panel_codes_doc, "panel_codes(n, keys, *, keep_missing=False)\n--\n\n"
                              "Dense codes of the rows of key columns, and the keys of each code.");
PyDoc_STRVAR(panel_count_doc, "panel_count(start, end, n_groups, n_states, n_threads=0, /)\n--\n\n"
                              "Moves of the same households from state to state, by group.");
PyDoc_STRVAR(panel_match_doc, "panel_match(start, end, n_threads=0, /)\n--\n\n"
                              "The row of each household in the other period.");
PyDoc_STRVAR(panel_range_doc, "panel_range(columns, /)\n--\n\n"
                              "Smallest and largest value of columns of integers.");
PyDoc_STRVAR(units_column_doc, "units_column(keys, values, unit, n_units, name='')\n--\n\n"
                               "The sampling unit of each row, from key columns, as a Column.");
PyDoc_STRVAR(info_doc, "info()\n--\n\nWhat this machine and this build offer.");

static PyMethodDef functions[] = {
    {"af", WITH_KEYWORDS(py_af), METH_VARARGS | METH_KEYWORDS, af_doc},
    {"cell_sums", WITH_KEYWORDS(py_cell_sums), METH_VARARGS | METH_KEYWORDS, cell_sums_doc},
    {"column_array", WITH_KEYWORDS(py_column_array), METH_VARARGS | METH_KEYWORDS,
     column_array_doc},
    {"column_arrow", WITH_KEYWORDS(py_column_arrow), METH_VARARGS | METH_KEYWORDS,
     column_arrow_doc},
    {"encode_objects", py_encode_objects, METH_O, encode_objects_doc},
    {"fgt_scores", py_fgt_scores, METH_VARARGS, fgt_scores_doc},
    {"distinct", py_distinct, METH_VARARGS, distinct_doc},
    {"info", info, METH_NOARGS, info_doc},
    {"linvar_combine", py_linvar_combine, METH_VARARGS, linvar_combine_doc},
    {"linvar_count", py_linvar_count, METH_VARARGS, linvar_count_doc},
    {"linvar_cov", py_linvar_cov, METH_VARARGS, linvar_cov_doc},
    {"linvar_figures", py_linvar_figures, METH_VARARGS, linvar_figures_doc},
    {"linvar_parts", py_linvar_parts, METH_VARARGS, linvar_parts_doc},
    {"linvar_sort", py_linvar_sort, METH_VARARGS, linvar_sort_doc},
    {"linvar_variance", py_linvar_variance, METH_VARARGS, linvar_variance_doc},
    {"panel_codes", WITH_KEYWORDS(py_panel_codes), METH_VARARGS | METH_KEYWORDS, panel_codes_doc},
    {"panel_count", py_panel_count, METH_VARARGS, panel_count_doc},
    {"panel_match", py_panel_match, METH_VARARGS, panel_match_doc},
    {"panel_range", py_panel_range, METH_O, panel_range_doc},
    {"product_scores", py_product_scores, METH_VARARGS, product_scores_doc},
    {"pack", WITH_KEYWORDS(py_pack), METH_VARARGS | METH_KEYWORDS, pack_doc},
    {"total", WITH_KEYWORDS(py_total), METH_VARARGS | METH_KEYWORDS, total_doc},
    {"trend_kendall", py_trend_kendall, METH_VARARGS, trend_kendall_doc},
    {"trend_line", py_trend_line, METH_VARARGS, trend_line_doc},
    {"trend_sen", py_trend_sen, METH_VARARGS, trend_sen_doc},
    {"units_column", WITH_KEYWORDS(py_units_column), METH_VARARGS | METH_KEYWORDS, units_column_doc},
    {NULL, NULL, 0, NULL},
};

static int fill_module(PyObject *module)
{
    py_state *state = py_module_state(module);
    state->module = module;
    if (PyArray_ImportNumPyAPI() < 0) return -1;
    if (py_error_import(state) < 0) return -1;
    if (py_column_make_type(module, state) < 0) return -1;
    return py_score_make_type(module, state);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    py_state *state = py_module_state(module);
    if (state == NULL) return 0;
    Py_VISIT(state->column_type);
    Py_VISIT(state->scores_type);
    for (int k = 0; k < PC_STATUS_END; k++)
        Py_VISIT(state->errors[k]);
    return 0;
}

static int clear(PyObject *module)
{
    py_state *state = py_module_state(module);
    if (state == NULL) return 0;
    Py_CLEAR(state->column_type);
    Py_CLEAR(state->scores_type);
    for (int k = 0; k < PC_STATUS_END; k++)
        Py_CLEAR(state->errors[k]);
    return 0;
}

static void free_module(void *module)
{
    py_state *state = py_module_state(module);
    if (state != NULL) pc_mapping_release(&state->kept);
    (void)clear(module);
}

static PyModuleDef_Slot slots[] = {
    PY_SLOT(Py_mod_exec, fill_module),
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "povertycore._core",
    .m_doc = "The compiled part of povertycore: columns without copies, weighted totals.",
    .m_size = sizeof(py_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
