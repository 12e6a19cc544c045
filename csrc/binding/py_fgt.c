#include "py_fgt.h"

#include "pc_fgt.h"
#include "py_error.h"
#include "py_score.h"

#include <string.h>

static const char *const kind_words[PC_FGT_KIND_END] = {
    [PC_FGT_POWER] = "power",         [PC_FGT_WATTS] = "watts",
    [PC_FGT_CHU] = "chu",             [PC_FGT_SHORTFALL] = "shortfall",
    [PC_FGT_BELOW] = "below",         [PC_FGT_MISSING] = "missing",
    [PC_FGT_NOT_POSITIVE] = "not_positive", [PC_FGT_NEGATIVE] = "negative",
};
static const char *const undefined_words[] = {
    [PC_FGT_REFUSE] = "refuse", [PC_FGT_ZERO] = "zero", [PC_FGT_FLOOR] = "floor"};

/* The number of a word in a list of n; n where it is not in the list. */
static int number_of(const char *word, const char *const *words, int n)
{
    int k = 0;
    while (k < n && strcmp(word, words[k]) != 0) k++;
    return k;
}

/* (kind, line, parameter, undefined, floor, is_count, is_squared). 0, or -1 with an exception set. */
static int take_score(py_state *state, PyObject *item, pc_fgt_score *score)
{
    enum { N_UNDEFINED = sizeof undefined_words / sizeof *undefined_words };
    const char *kind, *undefined;
    long long line;
    double parameter, floor;
    int is_count, is_squared;
    if (!PyTuple_Check(item) ||
        !PyArg_ParseTuple(item, "sLdsdpp", &kind, &line, &parameter, &undefined, &floor, &is_count,
                          &is_squared)) {
        PyErr_Clear();
        py_error_fail(state, PC_ERR_TYPE, "score", -1, NULL,
                      "is not (kind, line, parameter, undefined, floor, is_count, is_squared)");
        return -1;
    }
    const int k = number_of(kind, kind_words, PC_FGT_KIND_END);
    const int rule = number_of(undefined, undefined_words, N_UNDEFINED);
    if (k == PC_FGT_KIND_END || rule == N_UNDEFINED) {
        py_error_fail(state, PC_ERR_VALUE, "score", -1, NULL, "is named by no known word");
        return -1;
    }
    *score = (pc_fgt_score){.kind = (pc_fgt_kind)k,
                            .line = line,
                            .parameter = parameter,
                            .undefined = (pc_fgt_undefined)rule,
                            .floor = floor,
                            .is_count = is_count != 0,
                            .is_squared = is_squared != 0};
    return 0;
}

/* What the core reads, in one block; NULL with an exception set. columns: welfare, then the lines. */
static pc_fgt *describe(py_state *state, PyObject *columns, PyObject *scores, bool at_or_below)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(columns), m = PyTuple_GET_SIZE(scores);
    pc_fgt *made = PyMem_Malloc(sizeof *made + (size_t)n * sizeof(pc_column *) +
                                (size_t)m * sizeof(pc_fgt_score));
    if (made == NULL) return (void *)PyErr_NoMemory();
    pc_fgt_score *score = (pc_fgt_score *)(made + 1);
    const pc_column **pointers = (const pc_column **)(score + m);
    py_score_point(columns, pointers);
    for (Py_ssize_t k = 0; k < m; k++)
        if (take_score(state, PyTuple_GET_ITEM(scores, k), &score[k]) < 0) {
            PyMem_Free(made);
            return NULL;
        }
    *made = (pc_fgt){.welfare = pointers[0],
                     .n_lines = n - 1,
                     .lines = pointers + 1,
                     .poor = at_or_below ? PC_POOR_AT_OR_BELOW : PC_POOR_BELOW,
                     .n_scores = m,
                     .scores = score};
    return made;
}

/* A tuple of welfare and the lines; NULL with an exception set. */
static PyObject *join_columns(py_state *state, PyObject *welfare, PyObject *lines)
{
    PyObject *rest = py_score_columns(state, lines, "line");
    PyObject *first = rest == NULL ? NULL : PyTuple_Pack(1, welfare);
    PyObject *both = first == NULL ? NULL : PySequence_Concat(first, rest);
    PyObject *columns = both == NULL ? NULL : py_score_columns(state, both, "welfare");
    Py_XDECREF(rest);
    Py_XDECREF(first);
    Py_XDECREF(both);
    return columns;
}

PyObject *py_fgt_scores(PyObject *module, PyObject *args)
{
    static const py_score_role roles[PY_SCORE_ROLES] = {{"welfare", 0}, {"line", 1}};
    py_state *state = py_module_state(module);
    PyObject *welfare, *lines, *scores, *result = NULL;
    int at_or_below;
    if (!PyArg_ParseTuple(args, "OOOp:fgt_scores", &welfare, &lines, &scores, &at_or_below))
        return NULL;
    PyObject *columns = join_columns(state, welfare, lines);
    scores = columns == NULL ? NULL : PySequence_Tuple(scores);
    pc_fgt *made = scores == NULL ? NULL : describe(state, columns, scores, at_or_below != 0);
    if (made != NULL)
        result = py_score_new(state, pc_fgt_scores(made), Py_NewRef(columns), made, roles);
    Py_XDECREF(columns);
    Py_XDECREF(scores);
    return result;
}
