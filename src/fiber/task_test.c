/* Tasks: order, deadlines, cancellation, children, defers, marks, the pool's limit, posts, offload,
 * and descriptors in both directions. */
#include "fiber/io.h"
#include "fiber/offload.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static char trail[256];

static void note(const char *word)
{
    strncat(trail, word, sizeof(trail) - strlen(trail) - 1);
}

static void note_defer(void *word)
{
    note(word);
}

static int setup(void **state)
{
    trail[0] = '\0';
    *state = wend_loop_new(64);
    return 0;
}

static int teardown(void **state)
{
    wend_offload_stop();
    wend_loop_free(*state);
    return 0;
}

static void say(struct wend_task *task, void *arg)
{
    wend_defer(task, note_defer, "1");
    wend_defer(task, note_defer, "2");
    note(arg);
    assert_int_equal(wend_task_sleep(task, 5), WEND_OK);
    note(arg);
}

static void tasks_run_at_once_and_defers_run_in_reverse(void **state)
{
    wend_task_start(*state, say, "a");
    wend_task_start(*state, say, "b");
    assert_string_equal(trail, "ab");
    wend_loop_run_until_idle(*state);
    assert_string_equal(trail, "aba21b21");
}

static void unwind_task(struct wend_task *task, void *arg)
{
    struct wend_defer *mark;

    (void)arg;
    wend_defer(task, note_defer, "x");
    mark = wend_defer_mark(task);
    wend_defer(task, note_defer, "y");
    wend_defer_unwind(task, mark);
    note("|");
}

static void a_mark_unwinds_only_what_came_after_it(void **state)
{
    wend_task_start(*state, unwind_task, NULL);
    assert_string_equal(trail, "y|x");
}

static void deadline_task(struct wend_task *task, void *arg)
{
    enum wend_code *code = arg;

    task->deadline_ns = wend_loop_now_ns(task->loop) + 10 * WEND_NS_PER_MS;
    *code = wend_task_sleep(task, 100000);
    assert_int_equal(wend_task_suspend(task, WEND_NEVER), WEND_E_DEADLINE); /* it stays passed */
}

static void a_deadline_ends_every_wait(void **state)
{
    enum wend_code code = WEND_OK;

    wend_task_start(*state, deadline_task, &code);
    wend_loop_run_until_idle(*state);
    assert_int_equal(code, WEND_E_DEADLINE);
}

#define DEEP_BYTES 30000

struct trimmed {
    char *deep; /* an address the task used far down its stack, page-aligned */
    bool again;
};

/* Not on a sanitizer's fake stack. */
static __attribute__((noinline, no_sanitize("address"))) char *go_deep(void)
{
    char bytes[DEEP_BYTES];
    volatile char *at = bytes;

    for (size_t i = 0; i < sizeof(bytes); i += 1000)
        at[i] = 1;
    return (char *)((uintptr_t)&at[sizeof(bytes) / 2] & ~(uintptr_t)4095);
}

static void trimming_task(struct wend_task *task, void *arg)
{
    struct trimmed *trimmed = arg;
    char kept[64] = "kept";

    trimmed->deep = go_deep();
    wend_task_trim(task);
    assert_int_equal(wend_task_sleep(task, 5), WEND_OK);
    assert_string_equal(kept, "kept");
    (void)go_deep(); /* the addresses are as good as before */
    trimmed->again = true;
    wend_task_trim(task); /* and ends without a wait */
}

static bool is_resident(char *at)
{
    unsigned char page = 0;

    assert_int_equal(mincore(at, 4096, &page), 0);
    return (page & 1) != 0;
}

static void a_trimmed_task_keeps_only_what_it_uses(void **state)
{
    struct trimmed trimmed = {0};
    struct wend_loop_stats stats;

    wend_task_start(*state, trimming_task, &trimmed);
    assert_false(is_resident(trimmed.deep));
    wend_loop_run_until_idle(*state);
    assert_true(trimmed.again);
    assert_true(is_resident(trimmed.deep));
    wend_loop_stats(*state, &stats);
    assert_true(stats.stack_most_bytes > DEEP_BYTES);
}

static void sleeper(struct wend_task *task, void *arg)
{
    enum wend_code *code = arg;

    *code = wend_task_sleep(task, 100000);
    note("c");
}

static void parent_task(struct wend_task *task, void *arg)
{
    struct wend_task *child;

    wend_task_spawn(task, sleeper, arg, &child);
    assert_non_null(child);
    note("p");
}

static void children_end_before_their_parent(void **state)
{
    enum wend_code code = WEND_OK;

    wend_task_start(*state, parent_task, &code);
    wend_loop_run_until_idle(*state);
    assert_string_equal(trail, "pc");
    assert_int_equal(code, WEND_E_CANCELLED);
}

static void joining_parent(struct wend_task *task, void *arg)
{
    struct wend_task *child;

    (void)arg;
    wend_task_spawn(task, say, "j", &child);
    wend_task_join(task, child);
    note("p");
}

static void a_join_waits_for_the_end(void **state)
{
    wend_task_start(*state, joining_parent, NULL);
    wend_loop_run_until_idle(*state);
    assert_string_equal(trail, "jj21p");
}

static void count_task(struct wend_task *task, void *arg)
{
    char deep[20000];

    memset(deep, 1, sizeof(deep));
    __asm__ volatile("" : : "r"(deep) : "memory");
    assert_int_equal(wend_task_sleep(task, 1), WEND_OK);
    ++*(int *)arg;
}

static void more_tasks_than_stacks_wait_their_turn(void **state)
{
    struct wend_loop_stats stats;
    int count = 0;

    for (int i = 0; i < 1000; i++)
        wend_task_start(*state, count_task, &count);
    assert_false(wend_task_stack_free(*state));
    wend_loop_stats(*state, &stats);
    assert_int_equal(stats.fibers_live, 64);
    assert_int_equal(stats.fibers_waiting, 1000 - 64);
    wend_loop_run_until_idle(*state);
    assert_int_equal(count, 1000);
    wend_loop_stats(*state, &stats);
    assert_int_equal(stats.fibers_live, 0);
    assert_true(stats.stack_most_bytes > 20000);
}

static enum wend_code work(void *arg)
{
    usleep(2000);
    *(pthread_t *)arg = pthread_self();
    return WEND_E_NOT_FOUND;
}

static void offload_task(struct wend_task *task, void *arg)
{
    pthread_t self;

    (void)arg;
    task->deadline_ns = wend_loop_now_ns(task->loop) + WEND_NS_PER_MS; /* must not cut the wait */
    assert_int_equal(wend_offload(task, work, &self), WEND_E_NOT_FOUND);
    assert_false(pthread_equal(self, pthread_self()));
    note("o");
}

static void offloaded_work_runs_on_another_thread(void **state)
{
    for (int i = 0; i < 30; i++)
        wend_task_start(*state, offload_task, NULL);
    wend_loop_run_until_idle(*state);
    assert_int_equal(strlen(trail), 30);
}

struct posts {
    struct wend_post post;
    struct wend_loop *loop;
    struct wend_task *task;
    int delivered;
};

static void delivered(struct wend_post *post)
{
    struct posts *posts = WEND_OF(post, struct posts, post);

    if (++posts->delivered == 1000)
        wend_task_wake(posts->task, WEND_OK);
    else
        wend_loop_post(posts->loop, post);
}

static void *post_thread(void *arg)
{
    struct posts *posts = arg;

    usleep(3000);
    wend_loop_post(posts->loop, &posts->post);
    return NULL;
}

static void post_task(struct wend_task *task, void *arg)
{
    struct posts *posts = arg;
    pthread_t thread;

    posts->task = task;
    pthread_create(&thread, NULL, post_thread, posts);
    assert_int_equal(wend_task_suspend(task, WEND_NEVER), WEND_OK);
    pthread_join(thread, NULL);
}

static void a_post_wakes_a_sleeping_loop(void **state)
{
    struct posts posts = {.post.deliver = delivered, .loop = *state};

    wend_task_start(*state, post_task, &posts);
    wend_loop_run_until_idle(*state);
    assert_int_equal(posts.delivered, 1000);
}

/* --- descriptors ------------------------------------------------------------------------------ */

enum { LOAD = 3000000 };

static void free_io(void *arg)
{
    wend_loop_free_later(wend_loop_current(), arg);
}

/* Events of this turn may point at it beyond the task's end: it does not lie on the stack. */
static struct wend_io *new_io(struct wend_task *task)
{
    struct wend_io *io = calloc(1, sizeof(*io));

    assert_non_null(io);
    wend_defer(task, free_io, io);
    return io;
}

struct drowsing {
    struct wend_loop *loop;
    int fds[2];
    unsigned asked;
    char got;
};

/* Asked before each sleep. In the first the byte comes, which must not end it; nothing is there for
 * the turn that follows it but the byte. */
static bool computes(void *arg)
{
    struct drowsing *drowsing = arg;

    if (drowsing->asked++ == 0)
        assert_int_equal(write(drowsing->fds[1], "x", 1), 1);
    return drowsing->asked < 3;
}

static void drowsing_task(struct wend_task *task, void *arg)
{
    struct drowsing *drowsing = arg;
    struct wend_io *io = new_io(task);
    size_t got = 0;

    assert_int_equal(wend_io_open(io, task->loop, drowsing->fds[0], false), WEND_OK);
    assert_int_equal(wend_io_recv(task, io, &drowsing->got, 1, 5000, &got), WEND_OK);
    assert_int_equal(got, 1);
    wend_io_close(io);
}

static void a_drowsing_loop_takes_what_came_afterwards(void **state)
{
    struct drowsing drowsing = {.loop = *state};
    struct wend_loop_stats stats;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, drowsing.fds), 0);
    wend_loop_drowse(*state, computes, &drowsing);
    wend_task_start(*state, drowsing_task, &drowsing);
    wend_loop_run_until_idle(*state);
    wend_loop_drowse(*state, NULL, NULL);
    wend_loop_stats(*state, &stats);
    assert_int_equal(drowsing.asked, 1);
    assert_int_equal(drowsing.got, 'x');
    assert_int_equal(stats.turns, 1);
    close(drowsing.fds[1]);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

/* Each post is answered by the next; a lost one would leave the task asleep for ever. */
static void a_post_wakes_a_drowsing_loop(void **state)
{
    struct posts posts = {.post.deliver = delivered, .loop = *state};

    wend_loop_drowse(*state, always, NULL);
    wend_task_start(*state, post_task, &posts);
    wend_loop_run_until_idle(*state);
    wend_loop_drowse(*state, NULL, NULL);
    assert_int_equal(posts.delivered, 1000);
}

static void server_task(struct wend_task *task, void *arg)
{
    struct wend_io *listener = new_io(task), *io = new_io(task);
    struct sockaddr_storage peer;
    socklen_t peer_len;
    size_t got = 1, all = 0;
    char bytes[7000];
    int fd;

    assert_int_equal(wend_io_open(listener, task->loop, *(int *)arg, true), WEND_OK);
    assert_int_equal(wend_io_accept(task, listener, &peer, &peer_len, &fd), WEND_OK);
    assert_int_equal(wend_io_open(io, task->loop, fd, false), WEND_OK);
    while (got != 0) {
        assert_int_equal(wend_io_recv(task, io, bytes, sizeof(bytes), 5000, &got), WEND_OK);
        for (size_t i = 0; i < got; i++)
            assert_int_equal((unsigned char)bytes[i], (all + i) % 251);
        all += got;
    }
    assert_int_equal(all, LOAD);
    assert_int_equal(wend_io_send(task, io, "done", 4, 5000), WEND_OK);
    wend_io_close(io);
    wend_io_close(listener);
    note("s");
}

static void client_task(struct wend_task *task, void *arg)
{
    struct sockaddr_in *address = arg;
    unsigned char *load = malloc(LOAD);
    struct iovec parts[3] = {{load, 10}, {load + 10, 0}, {load + 10, LOAD - 10}};
    struct wend_io *io = new_io(task);
    char answer[16];
    size_t got;

    for (size_t i = 0; i < LOAD; i++)
        load[i] = (unsigned char)(i % 251);
    assert_int_equal(wend_io_connect(task, io, (struct sockaddr *)address, sizeof(*address), 5000),
                     WEND_OK);
    assert_int_equal(wend_io_sendv(task, io, parts, 3, false, 5000), WEND_OK);
    shutdown(io->fd, SHUT_WR);
    assert_int_equal(wend_io_recv(task, io, answer, sizeof(answer), 5000, &got), WEND_OK);
    assert_int_equal(got, 4);
    assert_int_equal(wend_io_recv(task, io, answer, sizeof(answer), 5000, &got), WEND_OK);
    assert_int_equal(got, 0);
    wend_io_close(io);
    free(load);
    note("c");
}

static int listen_somewhere(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static void a_large_load_crosses_a_socket(void **state)
{
    struct sockaddr_in address;
    int fd = listen_somewhere(&address);

    wend_task_start(*state, server_task, &fd);
    wend_task_start(*state, client_task, &address);
    wend_loop_run_until_idle(*state);
    assert_string_equal(trail, "sc");
}

static void refused_task(struct wend_task *task, void *arg)
{
    struct sockaddr_in *address = arg;
    struct wend_io *io = new_io(task);

    assert_int_equal(wend_io_connect(task, io, (struct sockaddr *)address, sizeof(*address), 1000),
                     WEND_E_REFUSED);
    assert_int_equal(io->error, ECONNREFUSED);
    note("r");
}

static void a_refused_connection_says_so(void **state)
{
    struct sockaddr_in address;

    close(listen_somewhere(&address));
    wend_task_start(*state, refused_task, &address);
    wend_loop_run_until_idle(*state);
    assert_string_equal(trail, "r");
}

static void silent_task(struct wend_task *task, void *arg)
{
    int *pair = arg;
    struct wend_io *io = new_io(task);
    char byte;
    size_t got;

    assert_int_equal(wend_io_open(io, task->loop, pair[0], true), WEND_OK);
    assert_int_equal(wend_io_recv(task, io, &byte, 1, 20, &got), WEND_E_DEADLINE);
    assert_int_equal(write(pair[1], "abc", 3), 3);
    assert_int_equal(wend_io_recv(task, io, &byte, 1, 1000, &got), WEND_OK);
    assert_int_equal(byte, 'a');
    close(pair[1]);
    assert_int_equal(wend_io_recv(task, io, &byte, 1, 1000, &got), WEND_OK);
    assert_int_equal(wend_io_recv(task, io, &byte, 1, 1000, &got), WEND_OK);
    assert_int_equal(byte, 'c');
    assert_int_equal(wend_io_recv(task, io, &byte, 1, 1000, &got), WEND_OK);
    assert_int_equal(got, 0);
    wend_io_close(io);
    note("t");
}

static void a_silent_peer_runs_into_the_timeout(void **state)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    wend_task_start(*state, silent_task, pair);
    wend_loop_run_until_idle(*state);
    assert_string_equal(trail, "t");
}

static void sendfile_task(struct wend_task *task, void *arg)
{
    int *pair = arg;
    FILE *file = tmpfile();
    struct wend_io *io = new_io(task);
    off_t offset = 2;

    assert_int_equal(fwrite("0123456789", 1, 10, file), 10);
    fflush(file);
    assert_int_equal(wend_io_open(io, task->loop, pair[0], false), WEND_OK);
    assert_int_equal(wend_io_sendfile(task, io, fileno(file), &offset, 5, 1000), WEND_OK);
    /* The file is shorter than promised: an error, never a wait without end. */
    assert_int_equal(wend_io_sendfile(task, io, fileno(file), &offset, 50, 1000), WEND_E_CLOSED);
    wend_io_close(io);
    fclose(file);
    note("f");
}

static void sendfile_of_a_truncated_file_ends(void **state)
{
    char bytes[32];
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    wend_task_start(*state, sendfile_task, pair);
    wend_loop_run_until_idle(*state);
    assert_int_equal(read(pair[1], bytes, sizeof(bytes)), 8);
    assert_memory_equal(bytes, "23456789", 8);
    close(pair[1]);
    assert_string_equal(trail, "f");
}

/* --- the end ---------------------------------------------------------------------------------- */

static void stubborn_child(struct wend_task *task, void *arg)
{
    (void)arg;
    wend_defer(task, note_defer, "c");
    assert_int_equal(wend_task_suspend(task, WEND_NEVER), WEND_E_CANCELLED);
}

static void late_task(struct wend_task *task, void *arg)
{
    (void)arg;
    wend_defer(task, note_defer, "l");
    assert_int_equal(wend_task_sleep(task, 3600000), WEND_E_CANCELLED);
}

static void waiting_parent(struct wend_task *task, void *arg)
{
    struct wend_task *child;

    wend_defer(task, note_defer, "p");
    wend_task_spawn(task, stubborn_child, NULL, &child);
    assert_int_equal(wend_task_suspend(task, WEND_NEVER), WEND_E_CANCELLED);
    wend_task_start(task->loop, late_task, arg);
}

static void at_the_end_every_task_gives_back_what_it_holds(void **state)
{
    wend_task_start(*state, waiting_parent, NULL);
    assert_true(wend_loop_end_tasks(*state, 60000));
    assert_string_equal(trail, "cpl");
}

static enum wend_code sleep_long(void *arg)
{
    (void)arg;
    usleep(100000);
    return WEND_OK;
}

static void offloading_task(struct wend_task *task, void *arg)
{
    (void)arg;
    assert_int_equal(wend_offload(task, sleep_long, NULL), WEND_OK);
    note("o");
}

static void what_a_thread_holds_is_waited_for_as_long_as_said(void **state)
{
    wend_task_start(*state, offloading_task, NULL);
    assert_false(wend_loop_end_tasks(*state, 1));
    assert_string_equal(trail, "");
    assert_true(wend_loop_end_tasks(*state, 60000));
    assert_string_equal(trail, "o");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_run_at_once_and_defers_run_in_reverse),
        TEST(a_mark_unwinds_only_what_came_after_it),
        TEST(a_deadline_ends_every_wait),
        TEST(a_trimmed_task_keeps_only_what_it_uses),
        TEST(children_end_before_their_parent),
        TEST(a_join_waits_for_the_end),
        TEST(more_tasks_than_stacks_wait_their_turn),
        TEST(offloaded_work_runs_on_another_thread),
        TEST(a_post_wakes_a_sleeping_loop),
        TEST(a_drowsing_loop_takes_what_came_afterwards),
        TEST(a_post_wakes_a_drowsing_loop),
        TEST(a_large_load_crosses_a_socket),
        TEST(a_refused_connection_says_so),
        TEST(a_silent_peer_runs_into_the_timeout),
        TEST(sendfile_of_a_truncated_file_ends),
        TEST(at_the_end_every_task_gives_back_what_it_holds),
        TEST(what_a_thread_holds_is_waited_for_as_long_as_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
