#include "py_score.h"

#include "py_column.h"
#include "py_error.h"

#include <math.h>
#include <string.h>

PyObject *py_score_columns(py_state *state, PyObject *sequence, const char *role)
{
    PyObject *columns = PySequence_Tuple(sequence);
    if (columns == NULL) return NULL;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(columns); k++)
        if (!Py_IS_TYPE(PyTuple_GET_ITEM(columns, k), state->column_type)) {
            Py_DECREF(columns);
            return py_error_fail(state, PC_ERR_TYPE, role, -1, NULL, "is not a Column");
        }
    return columns;
}

void py_score_point(PyObject *columns, const pc_column **pointers)
{
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(columns); k++)
        pointers[k] = &((py_column *)PyTuple_GET_ITEM(columns, k))->column;
}

PyObject *py_score_new(py_state *state, pc_scores scores, PyObject *columns, void *made,
                       const py_score_role roles[PY_SCORE_ROLES])
{
    py_scores *self = (py_scores *)state->scores_type->tp_alloc(state->scores_type, 0);
    if (self == NULL) {
        Py_DECREF(columns);
        PyMem_Free(made);
        return NULL;
    }
    self->scores = scores;
    self->columns = columns;
    self->made = made;
    memcpy(self->roles, roles, sizeof self->roles);
    return (PyObject *)self;
}

PyObject *py_score_column_at_fault(const py_scores *self, const pc_error *err)
{
    const Py_ssize_t which = err->which < 0 ? 0 : (Py_ssize_t)err->which;
    for (int r = 0; r < PY_SCORE_ROLES && self->roles[r].name != NULL; r++) {
        const Py_ssize_t k = self->roles[r].first + which;
        if (strcmp(err->argument, self->roles[r].name) == 0 && k < PyTuple_GET_SIZE(self->columns))
            return ((py_column *)PyTuple_GET_ITEM(self->columns, k))->name;
    }
    return NULL;
}

/* ---- products ---- */

static int take_centres(py_state *state, PyObject *centres, double *centre, Py_ssize_t n)
{
    if (PyTuple_GET_SIZE(centres) != n) {
        py_error_fail(state, PC_ERR_LENGTH, "centres", -1, NULL,
                      "must be as many as the columns");
        return -1;
    }
    for (Py_ssize_t k = 0; k < n; k++) {
        centre[k] = PyFloat_AsDouble(PyTuple_GET_ITEM(centres, k));
        if (centre[k] == -1.0 && PyErr_Occurred()) return -1;
        if (!isfinite(centre[k])) {
            py_error_fail(state, PC_ERR_VALUE, "centres", -1, NULL, "must be finite");
            return -1;
        }
    }
    return 0;
}

static int take_products(py_state *state, PyObject *products, pc_product *product)
{
    for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(products); j++) {
        long long first, second, known;
        PyObject *item = PyTuple_GET_ITEM(products, j);
        if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "LLL", &first, &second, &known)) {
            PyErr_Clear();
            py_error_fail(state, PC_ERR_TYPE, "product", -1, NULL,
                          "is not a tuple of three numbers of columns");
            return -1;
        }
        product[j] = (pc_product){first, second, known};
    }
    return 0;
}

/* What the core reads, in one block; NULL with an exception set. */
static pc_products *describe_products(py_state *state, PyObject *columns, PyObject *centres,
                                      PyObject *products)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(columns), m = PyTuple_GET_SIZE(products);
    const size_t bytes = sizeof(pc_products) + (size_t)n * (sizeof(pc_column *) + sizeof(double)) +
                         (size_t)m * sizeof(pc_product);
    pc_products *made = PyMem_Malloc(bytes);
    if (made == NULL) return (void *)PyErr_NoMemory();
    pc_product *product = (pc_product *)(made + 1);
    double *centre = (double *)(product + m);
    const pc_column **pointers = (const pc_column **)(centre + n);
    py_score_point(columns, pointers);
    if (take_centres(state, centres, centre, n) < 0 ||
        take_products(state, products, product) < 0) {
        PyMem_Free(made);
        return NULL;
    }
    *made = (pc_products){n, pointers, centre, m, product};
    return made;
}

PyObject *py_product_scores(PyObject *module, PyObject *args)
{
    static const py_score_role roles[PY_SCORE_ROLES] = {{"product", 0}, {NULL, 0}};
    py_state *state = py_module_state(module);
    PyObject *columns, *centres, *products, *result = NULL;
    pc_products *made = NULL;
    if (!PyArg_ParseTuple(args, "OOO:product_scores", &columns, &centres, &products)) return NULL;
    columns = py_score_columns(state, columns, "product");
    centres = PySequence_Tuple(centres);
    products = centres == NULL ? NULL : PySequence_Tuple(products);
    if (columns != NULL && centres != NULL && products != NULL)
        made = describe_products(state, columns, centres, products);
    if (made != NULL)
        result =
            py_score_new(state, pc_product_scores(made), Py_NewRef(columns), made, roles);
    Py_XDECREF(columns);
    Py_XDECREF(centres);
    Py_XDECREF(products);
    return result;
}

/* ---- the type ---- */

static void scores_dealloc(PyObject *object)
{
    py_scores *self = (py_scores *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->made);
    Py_XDECREF(self->columns);
    type->tp_free(object);
    Py_DECREF(type);
}

static Py_ssize_t scores_length(PyObject *object)
{
    return (Py_ssize_t)((const py_scores *)object)->scores.n_scores;
}

static PyObject *scores_repr(PyObject *object)
{
    return PyUnicode_FromFormat("<Scores: %zd of %zd columns>", scores_length(object),
                                PyTuple_GET_SIZE(((const py_scores *)object)->columns));
}

static PyType_Slot scores_slots[] = {
    PY_SLOT(Py_tp_dealloc, scores_dealloc),
    PY_SLOT(Py_tp_repr, scores_repr),
    PY_SLOT(Py_sq_length, scores_length),
    {Py_tp_doc, "Scores that a kernel makes of columns."},
    {0, NULL},
};

static PyType_Spec scores_spec = {
    .name = "povertycore._core.Scores",
    .basicsize = sizeof(py_scores),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = scores_slots,
};

int py_score_make_type(PyObject *module, py_state *state)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &scores_spec, NULL);
    if (type == NULL) return -1;
    state->scores_type = (PyTypeObject *)type;
    return PyModule_AddType(module, state->scores_type);
}
