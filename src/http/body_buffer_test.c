/* http/body_buffer_test.c - bodies of every size end in memory or in a file, whole. */
#include "http/body_buffer.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the fiber and the codec would do. */
static int64_t body_left, body_at;
static size_t read_step;
static enum wend_code body_fails;

static char byte_at(int64_t at)
{
    return (char)('a' + at * 7 % 26 + at / 4096 % 2);
}

enum wend_code wend_body_read(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    size_t n = room < read_step ? room : read_step;

    if (body_left == 0 && body_fails != WEND_OK)
        return body_fails;
    if ((int64_t)n > body_left)
        n = (size_t)body_left;
    for (size_t i = 0; i < n; i++)
        ((char *)into)[i] = byte_at(body_at++);
    body_left -= (int64_t)n;
    x->body_received += (int64_t)n;
    x->body_read = n == 0;
    *got = n;
    return WEND_OK;
}

enum wend_code wend_offload(struct wend_task *task, enum wend_code (*work)(void *arg), void *arg)
{
    (void)task;
    return work(arg);
}

static struct {
    void (*fn)(void *);
    void *arg;
} deferred;

void wend_defer(struct wend_task *task, void (*fn)(void *), void *arg)
{
    (void)task;
    deferred.fn = fn;
    deferred.arg = arg;
}

enum wend_code wend_fail_at(struct wend_task *task, enum wend_code code, struct wend_str subject,
                            const char *text, const char *file, int line)
{
    (void)task;
    (void)subject;
    (void)text;
    (void)file;
    (void)line;
    return code;
}

struct fixture {
    struct wend_task task;
    struct wend_trace trace;
    struct wend_exchange x;
    struct wend_body body;
};

static enum wend_code collect(struct fixture *f, int64_t bytes, bool chunked, size_t step,
                              const struct wend_body_settings *settings)
{
    memset(f, 0, sizeof(*f));
    wend_arena_init(&f->task.arena, 1 << 20);
    f->task.trace = &f->trace;
    f->x.task = &f->task;
    f->x.request.content_length = chunked ? -1 : bytes;
    f->x.request.chunked = chunked;
    body_left = bytes;
    body_at = 0;
    read_step = step;
    deferred.fn = NULL;
    return wend_body_collect(&f->x, settings, &f->body);
}

static void end(struct fixture *f)
{
    if (deferred.fn != NULL)
        deferred.fn(deferred.arg);
    wend_arena_release(&f->task.arena);
}

static void check_content(const struct wend_body *body, int64_t bytes)
{
    char part[1000];
    int64_t at = 0;

    assert_int_equal(body->bytes, bytes);
    for (;;) {
        ssize_t n = wend_body_pread(body, part, sizeof(part), at);

        assert_true(n >= 0);
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(part[i], byte_at(at + i));
        at += n;
    }
    assert_int_equal(at, bytes);
}

static void every_size_comes_out_whole(void **state)
{
    static const int64_t sizes[] = {0,     1,     100,    4095,   4096,   4097,   16383,
                                    16384, 16385, 131072, 131073, 300000, 1000000};
    static const size_t steps[] = {1000000, 4096, 1500};

    (void)state;
    for (size_t s = 0; s < WEND_COUNT(sizes); s++) {
        for (size_t t = 0; t < WEND_COUNT(steps); t++) {
            for (int chunked = 0; chunked < 2; chunked++) {
                struct fixture f;

                assert_int_equal(
                    collect(&f, sizes[s], chunked, steps[t], &wend_body_settings_default), WEND_OK);
                assert_true(f.x.body_read);
                check_content(&f.body, sizes[s]);
                if (sizes[s] > 0)
                    assert_int_equal(f.body.piece.kind,
                                     sizes[s] <= 16384 ? WEND_PIECE_MEMORY : WEND_PIECE_FILE);
                assert_int_equal(f.body.count, sizes[s] > 0);
                assert_null(f.body.file_path.ptr);
                end(&f);
            }
        }
    }
}

static void a_named_file_is_kept_or_cleaned(void **state)
{
    char directory[] = "/tmp/wend_body_XXXXXX";
    struct wend_body_settings settings = {.memory_bytes = 16384, .in_file = WEND_BODY_FILE_CLEAN};
    struct fixture f;
    char *path;

    (void)state;
    assert_non_null(mkdtemp(directory));
    settings.directory = directory;
    assert_int_equal(collect(&f, 10, false, 100, &settings), WEND_OK);
    check_content(&f.body, 10);
    assert_non_null(f.body.file_path.ptr);
    path = strdup(f.body.file_path.ptr);
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(strlen(path), strlen(directory) + strlen("/0000000001"));
    end(&f);
    assert_int_not_equal(access(path, R_OK), 0);
    free(path);

    settings.in_file = WEND_BODY_FILE_KEEP;
    settings.levels[0] = 1;
    settings.levels[1] = 2;
    assert_int_equal(collect(&f, 10, true, 100, &settings), WEND_OK);
    assert_non_null(f.body.file_path.ptr);
    path = strdup(f.body.file_path.ptr);
    assert_int_equal(strlen(path), strlen(directory) + strlen("/2/00/0000000002"));
    end(&f);
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 3; i++) {
        *strrchr(path, '/') = '\0';
        assert_int_equal(rmdir(path), 0);
    }
    free(path);
}

static void a_missing_directory_is_an_io_error(void **state)
{
    struct wend_body_settings settings = {.memory_bytes = 10, .directory = "/nonexistent/x"};
    struct fixture f;

    (void)state;
    assert_int_equal(collect(&f, 100, false, 100, &settings), WEND_E_IO);
    end(&f);
}

static void a_client_that_leaves_ends_it(void **state)
{
    struct fixture f;

    (void)state;
    body_fails = WEND_E_CLOSED;
    assert_int_equal(collect(&f, 50000, false, 4096, &wend_body_settings_default), WEND_E_CLOSED);
    body_fails = WEND_OK;
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_comes_out_whole),
        cmocka_unit_test(a_named_file_is_kept_or_cleaned),
        cmocka_unit_test(a_missing_directory_is_an_io_error),
        cmocka_unit_test(a_client_that_leaves_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
