#define _POSIX_C_SOURCE 200809L /* nanosleep, pthread_sigmask */

#include "pc_parallel.h"
#include "pc_test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static int64_t milliseconds(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* What the tasks below leave behind, one slot a task, so that tasks share nothing. */
enum { N_TASKS = 100 }; /* more than there can be threads */

struct tasks {
    int n_runs[N_TASKS];
    bool on_caller[N_TASKS];
    pthread_t caller;
    int64_t fails_from;  /* tasks from here on fail, with their own number in the record */
    long sleep_ms;
    _Atomic int n_started;
};

static void tasks_init(struct tasks *tasks)
{
    memset(tasks, 0, sizeof *tasks);
    tasks->caller = pthread_self();
    tasks->fails_from = INT64_MAX;
    atomic_init(&tasks->n_started, 0);
}

static pc_status one_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    struct tasks *tasks = arg;
    atomic_fetch_add(&tasks->n_started, 1);
    tasks->n_runs[task]++;
    tasks->on_caller[task] = pthread_equal(pthread_self(), tasks->caller) != 0;
    EXPECT(tasks->on_caller[task] == (worker->is_caller != 0));
    if (tasks->sleep_ms > 0) sleep_ms(tasks->sleep_ms);
    if (task >= tasks->fails_from) {
        return pc_fail(err, PC_ERR_VALUE, "weight", task, 1000 + task, "is negative");
    }
    return PC_OK;
}

static void context_init(pc_context *ctx, int n_threads)
{
    pc_context_init(ctx);
    ctx->n_threads = n_threads;
}

static void every_task_runs_once_for_any_number_of_threads(void)
{
    static const int n_threads[] = {-1, 0, 1, 2, 7, 64, 1000};
    static const int64_t n_tasks[] = {0, 1, 2, N_TASKS};
    for (size_t a = 0; a < sizeof n_threads / sizeof *n_threads; a++) {
        for (size_t b = 0; b < sizeof n_tasks / sizeof *n_tasks; b++) {
            pc_context ctx;
            context_init(&ctx, n_threads[a]);
            struct tasks tasks;
            tasks_init(&tasks);
            EXPECT(pc_parallel_run(&ctx, n_threads[a], n_tasks[b], one_task, &tasks) == PC_OK);
            for (int64_t task = 0; task < N_TASKS; task++) {
                EXPECT(tasks.n_runs[task] == (task < n_tasks[b]));
            }
        }
    }
}

static void a_single_thread_is_the_caller(void)
{
    pc_context ctx;
    context_init(&ctx, 1);
    struct tasks tasks;
    tasks_init(&tasks);
    EXPECT(pc_parallel_run(&ctx, 1, N_TASKS, one_task, &tasks) == PC_OK);
    for (int64_t task = 0; task < N_TASKS; task++) EXPECT(tasks.on_caller[task]);
    EXPECT(atomic_load(&ctx.memory.n_asked) == 0);
}

static void the_caller_works_too_and_so_do_the_threads(void)
{
    pc_context ctx;
    context_init(&ctx, 3);
    struct tasks tasks;
    tasks_init(&tasks);
    tasks.sleep_ms = 2; /* long enough that every thread gets some */
    EXPECT(pc_parallel_run(&ctx, 3, N_TASKS, one_task, &tasks) == PC_OK);
    int n_on_caller = 0;
    for (int64_t task = 0; task < N_TASKS; task++) n_on_caller += tasks.on_caller[task];
    EXPECT(n_on_caller > 0);
    EXPECT(n_on_caller < N_TASKS);
}

static void the_failure_of_the_smallest_task_is_reported(void)
{
    static const int n_threads[] = {1, 2, 7};
    for (size_t a = 0; a < sizeof n_threads / sizeof *n_threads; a++) {
        for (int64_t first = 0; first < N_TASKS; first += 7) {
            pc_context ctx;
            context_init(&ctx, n_threads[a]);
            struct tasks tasks;
            tasks_init(&tasks);
            tasks.fails_from = first;
            const pc_status status =
                pc_parallel_run(&ctx, n_threads[a], N_TASKS, one_task, &tasks);
            EXPECT(status == PC_ERR_VALUE);
            EXPECT(ctx.error.status == PC_ERR_VALUE);
            EXPECT(ctx.error.which == first);
            EXPECT(ctx.error.index == 1000 + first);
            EXPECT(strcmp(ctx.error.argument, "weight") == 0);
        }
    }
}

/* The smaller of two failures comes last in time. */
static pc_status small_task_fails_late(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    (void)worker;
    _Atomic int *both_started = arg;
    if (task > 1) return PC_OK;
    atomic_fetch_add(both_started, 1);
    while (atomic_load(both_started) < 2) sleep_ms(1);
    if (task == 0) sleep_ms(30);
    return pc_fail(err, task == 0 ? PC_ERR_MISSING : PC_ERR_VALUE, "key", -1, task, "");
}

static void a_smaller_task_that_fails_later_still_wins(void)
{
    pc_context ctx;
    context_init(&ctx, 2);
    _Atomic int both_started;
    atomic_init(&both_started, 0);
    const pc_status status = pc_parallel_run(&ctx, 2, 2, small_task_fails_late, &both_started);
    EXPECT(status == PC_ERR_MISSING);
    EXPECT(ctx.error.index == 0);
}

static void tasks_after_a_failure_are_not_started(void)
{
    pc_context ctx;
    context_init(&ctx, 2);
    struct tasks tasks;
    tasks_init(&tasks);
    tasks.fails_from = 0;
    tasks.sleep_ms = 1;
    EXPECT(pc_parallel_run(&ctx, 2, N_TASKS, one_task, &tasks) == PC_ERR_VALUE);
    EXPECT(atomic_load(&tasks.n_started) <= 2);
}

static pc_status fails_without_a_record(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    (void)worker;
    (void)task;
    (void)arg;
    (void)err;
    return PC_ERR_MEMORY;
}

static void a_failure_without_a_record_keeps_its_status(void)
{
    pc_context ctx;
    context_init(&ctx, 2);
    EXPECT(pc_parallel_run(&ctx, 2, 5, fails_without_a_record, NULL) == PC_ERR_MEMORY);
    EXPECT(ctx.error.status == PC_ERR_MEMORY);
}

static pc_status all_tasks(pc_context *ctx, void *arg)
{
    (void)arg;
    struct tasks tasks;
    tasks_init(&tasks);
    const pc_status status = pc_parallel_run(ctx, ctx->n_threads, N_TASKS, one_task, &tasks);
    for (int64_t task = 0; task < N_TASKS; task++) EXPECT(tasks.n_runs[task] == 1);
    return status;
}

static void threads_that_cannot_start_cost_no_task(void)
{
    pc_context ctx;
    context_init(&ctx, 7);
    EXPECT(pc_test_failing_allocator(&ctx, all_tasks, NULL) == 6);
}

static void no_more_threads_than_tasks_are_started(void)
{
    pc_context ctx;
    context_init(&ctx, 7);
    struct tasks tasks;
    tasks_init(&tasks);
    atomic_store(&ctx.memory.fail_in, 100);
    EXPECT(pc_parallel_run(&ctx, 7, 3, one_task, &tasks) == PC_OK);
    EXPECT(atomic_load(&ctx.memory.fail_in) == 98); /* two started; the caller is the third */
}

static void no_thread_at_all_leaves_the_work_to_the_caller(void)
{
    pc_context ctx;
    context_init(&ctx, 7);
    atomic_store(&ctx.memory.fail_in, 1);
    struct tasks tasks;
    tasks_init(&tasks);
    EXPECT(pc_parallel_run(&ctx, 7, N_TASKS, one_task, &tasks) == PC_OK);
    for (int64_t task = 0; task < N_TASKS; task++) EXPECT(tasks.on_caller[task]);
}

/* A host that says stop when asked for the n-th time, and notes who asks. */
struct host {
    int stops_at;
    int n_asked;
    bool only_the_caller_asks;
    pthread_t caller;
    int64_t told_ms;
};

static bool should_stop(void *arg)
{
    struct host *host = arg;
    host->n_asked++;
    if (!pthread_equal(pthread_self(), host->caller)) host->only_the_caller_asks = false;
    host->told_ms = milliseconds();
    return host->n_asked == host->stops_at;
}

static void host_init(struct host *host, pc_context *ctx, int stops_at)
{
    host->stops_at = stops_at;
    host->n_asked = 0;
    host->only_the_caller_asks = true;
    host->caller = pthread_self();
    host->told_ms = 0;
    ctx->should_stop = should_stop;
    ctx->host = host;
}

enum { LONG_MS = 20000 };

/* Works for 20 seconds unless stopped. */
static pc_status long_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    (void)task;
    (void)arg;
    const int64_t until = milliseconds() + LONG_MS;
    while (milliseconds() < until) {
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        sleep_ms(1);
    }
    return PC_OK;
}

/* Milliseconds from the host's word to the end of the call. */
static int64_t time_to_stop(int n_threads)
{
    pc_context ctx;
    context_init(&ctx, n_threads);
    struct host host;
    host_init(&host, &ctx, 3);
    EXPECT(pc_parallel_run(&ctx, n_threads, 10, long_task, NULL) == PC_ERR_INTERRUPTED);
    EXPECT(ctx.error.status == PC_ERR_INTERRUPTED);
    EXPECT(host.n_asked == 3); /* and never again after it said stop */
    EXPECT(host.only_the_caller_asks);
    return milliseconds() - host.told_ms;
}

static void the_host_stops_long_work_within_a_quarter_of_a_second(void)
{
    enum { ATTEMPTS = 5 }; /* a busy machine may hold one up, not each */
    static const int n_threads[] = {1, 2, 7};
    for (size_t a = 0; a < sizeof n_threads / sizeof *n_threads; a++) {
        int64_t shortest = INT64_MAX;
        for (int k = 0; k < ATTEMPTS && shortest >= 250; k++) {
            const int64_t taken = time_to_stop(n_threads[a]);
            if (taken < shortest) shortest = taken;
        }
        EXPECT(shortest < 250);
    }
}

/* The caller has nothing to do while one thread works. */
static pc_status only_a_thread_works(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    _Atomic int *n_started = arg;
    atomic_fetch_add(n_started, 1);
    while (atomic_load(n_started) < 2) sleep_ms(1);
    return worker->is_caller ? PC_OK : long_task(worker, task, arg, err);
}

static void the_host_is_asked_while_the_caller_waits(void)
{
    pc_context ctx;
    context_init(&ctx, 2);
    struct host host;
    host_init(&host, &ctx, 3);
    _Atomic int n_started;
    atomic_init(&n_started, 0);
    const int64_t start = milliseconds();
    EXPECT(pc_parallel_run(&ctx, 2, 2, only_a_thread_works, &n_started) == PC_ERR_INTERRUPTED);
    EXPECT(host.n_asked == 3);
    EXPECT(milliseconds() - start < LONG_MS / 2);
}

static void the_host_is_asked_at_most_every_20_ms(void)
{
    pc_context ctx;
    context_init(&ctx, 1);
    struct host host;
    host_init(&host, &ctx, -1);
    struct tasks tasks;
    tasks_init(&tasks);
    tasks.sleep_ms = 2;
    const int64_t start = milliseconds();
    EXPECT(pc_parallel_run(&ctx, 1, N_TASKS, one_task, &tasks) == PC_OK);
    EXPECT(host.n_asked >= 1);
    EXPECT(host.n_asked <= (milliseconds() - start) / 20);
}

static void many_short_runs_ask_the_host_as_one_long_run_does(void)
{
    pc_context ctx;
    context_init(&ctx, 1);
    struct host host;
    host_init(&host, &ctx, -1);
    struct tasks tasks;
    tasks_init(&tasks);
    tasks.sleep_ms = 2;
    for (int run = 0; run < N_TASKS; run++) {
        EXPECT(pc_parallel_run(&ctx, 1, 1, one_task, &tasks) == PC_OK);
    }
    EXPECT(host.n_asked >= 1);
}

static void a_context_already_stopped_runs_no_task(void)
{
    pc_context ctx;
    context_init(&ctx, 2);
    atomic_store(&ctx.stop, 1);
    struct tasks tasks;
    tasks_init(&tasks);
    EXPECT(pc_parallel_run(&ctx, 2, N_TASKS, one_task, &tasks) == PC_ERR_INTERRUPTED);
    EXPECT(atomic_load(&tasks.n_started) == 0);
}

struct masks {
    _Atomic int n_started;
    bool caller_gets_signals;
    bool thread_gets_signals;
    bool thread_gets_its_own_faults;
};

static pc_status look_at_signal_mask(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    (void)task;
    (void)err;
    struct masks *masks = arg;
    atomic_fetch_add(&masks->n_started, 1);
    while (atomic_load(&masks->n_started) < 2) sleep_ms(1);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    const bool gets_signals =
        sigismember(&blocked, SIGINT) == 0 && sigismember(&blocked, SIGALRM) == 0;
    if (worker->is_caller) {
        masks->caller_gets_signals = gets_signals;
    } else {
        masks->thread_gets_signals = gets_signals;
        masks->thread_gets_its_own_faults = sigismember(&blocked, SIGSEGV) == 0;
    }
    return PC_OK;
}

static void threads_block_signals_and_the_caller_does_not(void)
{
    pc_context ctx;
    context_init(&ctx, 2);
    struct masks masks = {0, false, true, false};
    EXPECT(pc_parallel_run(&ctx, 2, 2, look_at_signal_mask, &masks) == PC_OK);
    EXPECT(masks.caller_gets_signals);
    EXPECT(!masks.thread_gets_signals);
    EXPECT(masks.thread_gets_its_own_faults);
    sigset_t after;
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    EXPECT(sigismember(&after, SIGINT) == 0);
}

/* What a task adds depends on its number alone. */
static pc_status add_numbers(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    (void)worker;
    (void)err;
    double *sums = arg;
    for (int64_t i = 0; i < 1000; i++) sums[task] += 1.0 / (double)(task * 1000 + i + 1);
    return PC_OK;
}

static void one_two_and_seven_threads_give_the_same_bits(void)
{
    double expected[N_TASKS] = {0};
    for (int64_t task = 0; task < N_TASKS; task++) add_numbers(NULL, task, expected, NULL);
    static const int n_threads[] = {1, 2, 7};
    for (size_t a = 0; a < sizeof n_threads / sizeof *n_threads; a++) {
        pc_context ctx;
        context_init(&ctx, n_threads[a]);
        double sums[N_TASKS] = {0};
        EXPECT(pc_parallel_run(&ctx, n_threads[a], N_TASKS, add_numbers, sums) == PC_OK);
        EXPECT(memcmp(sums, expected, sizeof sums) == 0);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(every_task_runs_once_for_any_number_of_threads),
        CLAIM(a_single_thread_is_the_caller),
        CLAIM(the_caller_works_too_and_so_do_the_threads),
        CLAIM(one_two_and_seven_threads_give_the_same_bits),
        CLAIM(the_failure_of_the_smallest_task_is_reported),
        CLAIM(a_smaller_task_that_fails_later_still_wins),
        CLAIM(tasks_after_a_failure_are_not_started),
        CLAIM(a_failure_without_a_record_keeps_its_status),
        CLAIM(threads_that_cannot_start_cost_no_task),
        CLAIM(no_more_threads_than_tasks_are_started),
        CLAIM(no_thread_at_all_leaves_the_work_to_the_caller),
        CLAIM(the_host_stops_long_work_within_a_quarter_of_a_second),
        CLAIM(the_host_is_asked_while_the_caller_waits),
        CLAIM(the_host_is_asked_at_most_every_20_ms),
        CLAIM(many_short_runs_ask_the_host_as_one_long_run_does),
        CLAIM(a_context_already_stopped_runs_no_task),
        CLAIM(threads_block_signals_and_the_caller_does_not),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
