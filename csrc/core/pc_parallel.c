/*
 * The smallest failing task is known for certain although tasks after a failure are skipped: the
 * counter hands tasks out in order, a task that was handed out is always run, and so every task
 * below a failing one has run. For that a thread looks at the failure before it takes a number,
 * never after.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, pthread_condattr_setclock, pthread_sigmask */

#include "pc_parallel.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { NS_PER_SECOND = 1000000000, POLL_NS = 20000000 };

/* What the threads of one call share. */
struct crew {
    pc_context *ctx;
    pc_task_fn fn;
    void *arg;
    int64_t n_tasks;
    _Atomic int64_t next_task;
    _Atomic int failed; /* a task has: hand out no more */
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t one_left;
    int n_working; /* threads started and not yet done, without the caller */
    int64_t failed_task;
    pc_error failure;
};

static int64_t monotonic_ns(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static struct timespec as_timespec(int64_t ns)
{
    const struct timespec time = {(time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND)};
    return time;
}

bool pc_worker_stopped(pc_worker *worker)
{
    pc_context *ctx = worker->ctx;
    if (atomic_load_explicit(&ctx->stop, memory_order_relaxed)) return true;
    if (!worker->is_caller || ctx->should_stop == NULL) return false;
    const int64_t now = monotonic_ns();
    if (now < worker->next_poll_ns) return false;
    if (ctx->should_stop(ctx->host)) {
        atomic_store(&ctx->stop, 1);
        return true;
    }
    worker->next_poll_ns = monotonic_ns() + POLL_NS;
    return false;
}

bool pc_caller_stopped(pc_context *ctx)
{
    pc_worker caller = {ctx, 1, ctx->next_poll_ns};
    const bool stopped = pc_worker_stopped(&caller);
    ctx->next_poll_ns = caller.next_poll_ns;
    return stopped;
}

/* Keep the failure of the smallest task. */
static void record_failure(struct crew *crew, int64_t task, const pc_error *err)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->failed_task < 0 || task < crew->failed_task) {
        crew->failed_task = task;
        crew->failure = *err;
    }
    pthread_mutex_unlock(&crew->lock);
    atomic_store(&crew->failed, 1);
}

static void work(struct crew *crew, pc_worker *worker)
{
    while (!pc_worker_stopped(worker) && !atomic_load(&crew->failed)) {
        const int64_t task = atomic_fetch_add(&crew->next_task, 1);
        if (task >= crew->n_tasks) return;
        pc_error err;
        pc_fail(&err, PC_OK, "", -1, -1, "");
        const pc_status status = crew->fn(worker, task, crew->arg, &err);
        if (status != PC_OK) {
            err.status = status;
            record_failure(crew, task, &err);
        }
    }
}

static void *run_thread(void *arg)
{
    struct crew *crew = arg;
    pc_worker worker = {crew->ctx, 0, 0};
    work(crew, &worker);
    pthread_mutex_lock(&crew->lock);
    crew->n_working--;
    if (crew->n_working == 0) pthread_cond_signal(&crew->one_left);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* All signals but those that a fault of the thread itself raises: blocked, they could not be
 * reported, and no other thread could answer for them. */
static void signals_to_block(sigset_t *set)
{
    sigfillset(set);
    sigdelset(set, SIGSEGV);
    sigdelset(set, SIGBUS);
    sigdelset(set, SIGFPE);
    sigdelset(set, SIGILL);
    sigdelset(set, SIGABRT);
}

/* Start up to n threads; a thread has the signal mask of the one that made it. Gives how many. */
static int start_threads(struct crew *crew, pthread_t *threads, int n)
{
    sigset_t blocked;
    sigset_t before;
    signals_to_block(&blocked);
    if (pthread_sigmask(SIG_BLOCK, &blocked, &before) != 0) return 0;
    int n_started = 0;
    while (n_started < n && !pc_memory_injected_failure(&crew->ctx->memory)) {
        pthread_mutex_lock(&crew->lock);
        crew->n_working++;
        pthread_mutex_unlock(&crew->lock);
        if (pthread_create(&threads[n_started], NULL, run_thread, crew) != 0) {
            pthread_mutex_lock(&crew->lock);
            crew->n_working--;
            pthread_mutex_unlock(&crew->lock);
            break;
        }
        n_started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return n_started;
}

/* Until no thread works, asking the host on the way. The lock is open while the host is asked: it
 * may take its time. */
static void wait_for_threads(struct crew *crew, pc_worker *caller)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->n_working > 0) {
        const struct timespec until = as_timespec(monotonic_ns() + POLL_NS);
        pthread_cond_timedwait(&crew->one_left, &crew->lock, &until);
        if (crew->n_working == 0) break;
        pthread_mutex_unlock(&crew->lock);
        pc_worker_stopped(caller);
        pthread_mutex_lock(&crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
}

static void work_together(struct crew *crew, pc_worker *caller, int n_threads)
{
    pthread_t threads[PC_MAX_THREADS];
    const int n_started = start_threads(crew, threads, n_threads - 1);
    work(crew, caller);
    wait_for_threads(crew, caller);
    for (int t = 0; t < n_started; t++) pthread_join(threads[t], NULL);
}

/* A condition whose timed waits no change of the wall clock can lengthen. */
static int init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) return -1;
    int failed = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    if (failed == 0) failed = pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return failed;
}

static int threads_to_use(int n_threads, int64_t n_tasks)
{
    if (n_threads > PC_MAX_THREADS) n_threads = PC_MAX_THREADS;
    return n_tasks < n_threads ? (int)n_tasks : n_threads;
}

static pc_status outcome(struct crew *crew)
{
    pc_context *ctx = crew->ctx;
    if (atomic_load(&ctx->stop)) {
        return pc_context_fail(ctx, PC_ERR_INTERRUPTED, "", -1, -1, "stopped by the host");
    }
    if (crew->failed_task < 0) return PC_OK;
    ctx->error = crew->failure;
    return crew->failure.status;
}

pc_status pc_parallel_run(pc_context *ctx, int n_threads, int64_t n_tasks, pc_task_fn fn,
                          void *arg)
{
    struct crew crew = {.ctx = ctx, .fn = fn, .arg = arg, .n_tasks = n_tasks, .failed_task = -1};
    atomic_init(&crew.next_task, 0);
    atomic_init(&crew.failed, 0);
    if (pthread_mutex_init(&crew.lock, NULL) != 0) {
        return pc_context_fail(ctx, PC_ERR_MEMORY, "", -1, -1, "no lock could be made");
    }
    if (ctx->next_poll_ns == 0) ctx->next_poll_ns = monotonic_ns() + POLL_NS;
    pc_worker caller = {ctx, 1, ctx->next_poll_ns};
    n_threads = threads_to_use(n_threads, n_tasks);
    if (n_threads > 1 && init_condition(&crew.one_left) == 0) {
        work_together(&crew, &caller, n_threads);
        pthread_cond_destroy(&crew.one_left);
    } else {
        work(&crew, &caller);
    }
    pthread_mutex_destroy(&crew.lock);
    ctx->next_poll_ns = caller.next_poll_ns;
    return outcome(&crew);
}
