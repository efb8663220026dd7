/* edge/file_cache_test.c - what is cached, and every way in which it may go stale. */
#include "edge/file_cache.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What the loop and the task would do: a clock that is set by hand, clean-ups that are run. */
static int64_t now_ns, wall_offset_ns;
static struct wend_timer *running;
static struct {
    void (*fn)(void *);
    void *arg;
} defers[64];
static size_t defer_count;
static unsigned offloads;

int64_t wend_loop_now_ns(const struct wend_loop *loop)
{
    (void)loop;
    return now_ns;
}

int64_t wend_loop_wall_ns(const struct wend_loop *loop)
{
    (void)loop;
    return wend_clock_wall_ns() + wall_offset_ns;
}

static uint64_t mark;

uint64_t wend_loop_mark(struct wend_loop *loop)
{
    (void)loop;
    return ++mark;
}

void wend_timer_start(struct wend_loop *loop, struct wend_timer *timer, int64_t at_ns)
{
    (void)loop;
    timer->at_ns = at_ns;
    timer->node.next = &timer->node;
    running = timer;
}

void wend_timer_stop(struct wend_loop *loop, struct wend_timer *timer)
{
    (void)loop;
    timer->node.next = NULL;
    running = NULL;
}

enum wend_code wend_offload(struct wend_task *task, enum wend_code (*work)(void *arg), void *arg)
{
    (void)task;
    offloads++;
    return work(arg);
}

void wend_defer(struct wend_task *task, void (*fn)(void *), void *arg)
{
    (void)task;
    assert_true(defer_count < WEND_COUNT(defers));
    defers[defer_count].fn = fn;
    defers[defer_count++].arg = arg;
}

static void end_task(void)
{
    while (defer_count > 0) {
        defer_count--;
        defers[defer_count].fn(defers[defer_count].arg);
    }
}

static char directory[] = "/tmp/wend_cache_XXXXXX";
static char path[64], other[64];
static struct wend_file_cache *cache;

static void write_file(const char *to, const char *text, size_t len)
{
    FILE *file = fopen(to, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
}

static void start(const struct wend_file_cache_settings *settings)
{
    cache = wend_file_cache_new(NULL, settings);
    wall_offset_ns = 3600 * WEND_NS_PER_S; /* every file is old */
    snprintf(path, sizeof(path), "%s/file", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
    write_file(path, "hello", 5);
}

static void finish(void)
{
    end_task();
    wend_file_cache_free(cache);
    (void)unlink(path);
    (void)unlink(other);
}

static const struct wend_file *get_for(uint64_t arrived, enum wend_file_want want)
{
    const struct wend_file *file = NULL;

    assert_int_equal(wend_file_open(NULL, cache, arrived, path, NULL, want, &file), WEND_OK);
    return file;
}

/* For a request that came after all that happened so far. */
static const struct wend_file *get(enum wend_file_want want)
{
    return get_for(++mark, want);
}

static void expect_bytes(const char *text)
{
    const struct wend_file *file = get(WEND_FILE_OPEN);

    assert_int_equal(file->error, 0);
    assert_int_equal(file->size, strlen(text));
    assert_true(wend_str_eq(file->bytes, wend_str_of(text)));
    end_task();
}

static void a_settled_file_is_held(void **state)
{
    (void)state;
    start(&wend_file_cache_default);
    expect_bytes("hello");
    expect_bytes("hello");
    assert_int_equal(cache->stats.hits, 1);
    assert_int_equal(cache->stats.entries, 1);
    assert_int_equal(cache->stats.bytes, 5);
    assert_int_equal(cache->stats.descriptors, 0);
    finish();
}

/* The second write may fall into the same tick of the kernel's clock as the first: the entry that
 * could not tell them apart must not exist. */
static void a_fresh_file_is_not_held(void **state)
{
    (void)state;
    start(&wend_file_cache_default);
    wall_offset_ns = 0;
    expect_bytes("hello");
    assert_int_equal(cache->stats.entries, 0);
    write_file(path, "HELLO", 5);
    expect_bytes("HELLO");
    finish();
}

static void a_change_is_seen_at_once(void **state)
{
    (void)state;
    start(&wend_file_cache_default);
    expect_bytes("hello");
    write_file(path, "howdy", 5);
    expect_bytes("howdy");
    write_file(other, "other", 5);
    assert_int_equal(rename(other, path), 0);
    expect_bytes("other");
    assert_int_equal(truncate(path, 2), 0);
    expect_bytes("ot");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(get(WEND_FILE_OPEN)->error, ENOENT);
    assert_string_equal(get(WEND_FILE_OPEN)->call, "open()");
    end_task();
    assert_int_equal(cache->stats.entries, 0);
    finish();
}

static void a_swapped_link_leads_elsewhere(void **state)
{
    char target[64];

    (void)state;
    start(&wend_file_cache_default);
    snprintf(target, sizeof(target), "%s/target", directory);
    assert_int_equal(rename(path, target), 0);
    write_file(other, "other", 5);
    assert_int_equal(symlink(target, path), 0);
    expect_bytes("hello");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(other, path), 0);
    expect_bytes("other");
    assert_int_equal(unlink(target), 0);
    finish();
}

/* Who had arrived before the kernel was asked may be answered by what it said then; who came later,
 * or nobody knows when, may not. */
static void an_answer_is_shared_by_those_who_waited_for_it(void **state)
{
    uint64_t early, late;
    const struct wend_file *file;

    (void)state;
    start(&wend_file_cache_default);
    early = ++mark;
    file = get_for(early, WEND_FILE_OPEN);
    late = ++mark;
    write_file(other, "other", 5);
    assert_int_equal(rename(other, path), 0);
    assert_ptr_equal(get_for(early, WEND_FILE_OPEN), file);
    assert_true(wend_str_eq(get_for(late, WEND_FILE_OPEN)->bytes, WEND_STR("other")));
    /* From here on the younger answer counts for the older request, too. */
    assert_true(wend_str_eq(get_for(early, WEND_FILE_OPEN)->bytes, WEND_STR("other")));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(get_for(0, WEND_FILE_OPEN)->error, ENOENT);
    end_task();
    finish();
}

/* A fresh file may be written again within the same tick: no answer about it is shared. */
static void nothing_is_shared_about_a_fresh_file(void **state)
{
    uint64_t early;

    (void)state;
    start(&wend_file_cache_default);
    wall_offset_ns = 0;
    early = ++mark;
    assert_true(wend_str_eq(get_for(early, WEND_FILE_OPEN)->bytes, WEND_STR("hello")));
    write_file(path, "HELLO", 5);
    assert_true(wend_str_eq(get_for(early, WEND_FILE_OPEN)->bytes, WEND_STR("HELLO")));
    end_task();
    finish();
}

static void permission_is_asked_again_after_chmod(void **state)
{
    uid_t user = geteuid();

    (void)state;
    start(&wend_file_cache_default);
    expect_bytes("hello");
    assert_int_equal(chmod(path, 0), 0);
    /* To root nothing is forbidden: then ask as somebody else. */
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(seteuid(user == 0 ? 65534 : user), 0);
    assert_int_equal(get(WEND_FILE_OPEN)->error, EACCES);
    assert_int_equal(seteuid(user), 0);
    finish();
}

static void a_large_file_keeps_its_descriptor(void **state)
{
    static char large[WEND_FILE_BYTES_MAX + 1];
    const struct wend_file *file, *again;

    (void)state;
    start(&wend_file_cache_default);
    write_file(path, large, sizeof(large));
    file = get(WEND_FILE_OPEN);
    assert_null(file->bytes.ptr);
    assert_true(file->descriptor >= 0);
    again = get(WEND_FILE_OPEN);
    assert_int_equal(again->descriptor, file->descriptor);
    assert_int_equal(cache->stats.descriptors, 1);
    /* Replaced meanwhile: the exchange that has it keeps the old file. */
    write_file(other, "new", 3);
    assert_int_equal(rename(other, path), 0);
    assert_true(wend_str_eq(get(WEND_FILE_OPEN)->bytes, WEND_STR("new")));
    assert_int_equal(fcntl(file->descriptor, F_GETFD), FD_CLOEXEC);
    finish();
}

static void directories_and_pipes_are_not_kept_open(void **state)
{
    (void)state;
    start(&wend_file_cache_default);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(get(WEND_FILE_OPEN)->kind, WEND_FILE_OTHER);
    assert_int_equal(get(WEND_FILE_OPEN)->descriptor, -1);
    snprintf(path, sizeof(path), "%s", directory);
    assert_int_equal(get(WEND_FILE_OPEN)->kind, WEND_FILE_DIRECTORY);
    end_task();
    snprintf(path, sizeof(path), "%s/file", directory);
    finish();
}

static void an_empty_file_has_empty_bytes(void **state)
{
    (void)state;
    start(&wend_file_cache_default);
    write_file(path, "", 0);
    expect_bytes("");
    assert_non_null(get(WEND_FILE_OPEN)->bytes.ptr);
    finish();
}

static void limits_evict_the_longest_unused(void **state)
{
    struct wend_file_cache_settings settings = wend_file_cache_default;

    (void)state;
    settings.entries_max = 2;
    start(&settings);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/file%d", directory, i);
        write_file(path, "hello", 5);
        expect_bytes("hello");
        assert_int_equal(cache->stats.entries, i < 2 ? i + 1 : 2);
    }
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/file%d", directory, i);
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof(path), "%s/file", directory);
    finish();

    settings = wend_file_cache_default;
    settings.bytes_max = 7;
    start(&settings);
    expect_bytes("hello");
    snprintf(path, sizeof(path), "%s/other", directory);
    write_file(path, "other", 5);
    expect_bytes("other");
    assert_int_equal(cache->stats.entries, 1);
    snprintf(path, sizeof(path), "%s/file", directory);
    finish();
}

static void what_is_unused_goes(void **state)
{
    (void)state;
    start(&wend_file_cache_default);
    expect_bytes("hello");
    assert_non_null(running);
    now_ns += (WEND_FILE_CACHE_INACTIVE_MS + 1) * WEND_NS_PER_MS;
    running->node.next = NULL;
    running->fire(running);
    assert_int_equal(cache->stats.entries, 0);
    finish();
}

static void within_valid_nothing_is_asked(void **state)
{
    struct wend_file_cache_settings settings = wend_file_cache_default;

    (void)state;
    settings.valid_ms = 1000;
    settings.errors = true;
    start(&settings);
    expect_bytes("hello");
    write_file(path, "howdy", 5);
    expect_bytes("hello");
    now_ns += 1001 * WEND_NS_PER_MS;
    expect_bytes("howdy");
    assert_int_equal(unlink(path), 0);
    now_ns += 1001 * WEND_NS_PER_MS;
    assert_int_equal(get(WEND_FILE_OPEN)->error, ENOENT);
    write_file(path, "again", 5);
    assert_int_equal(get(WEND_FILE_LOOK)->error, ENOENT);
    now_ns += 1001 * WEND_NS_PER_MS;
    expect_bytes("again");
    finish();
}

static void a_fresh_file_is_read_again_after_valid(void **state)
{
    struct wend_file_cache_settings settings = wend_file_cache_default;

    (void)state;
    settings.valid_ms = 1000;
    start(&settings);
    wall_offset_ns = 0;
    expect_bytes("hello");
    now_ns += 1001 * WEND_NS_PER_MS;
    expect_bytes("hello");
    assert_int_equal(cache->stats.misses, 2);
    finish();
}

static void content_is_kept_from_min_uses_on(void **state)
{
    struct wend_file_cache_settings settings = wend_file_cache_default;

    (void)state;
    settings.valid_ms = 1000;
    settings.min_uses = 3;
    start(&settings);
    for (int i = 1; i <= 4; i++) {
        expect_bytes("hello");
        assert_int_equal(cache->stats.entries, 1);
        assert_int_equal(cache->stats.bytes, i < 3 ? 0 : 5);
    }
    assert_int_equal(cache->stats.hits, 1);
    finish();
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_settled_file_is_held),
        cmocka_unit_test(a_fresh_file_is_not_held),
        cmocka_unit_test(a_change_is_seen_at_once),
        cmocka_unit_test(a_swapped_link_leads_elsewhere),
        cmocka_unit_test(an_answer_is_shared_by_those_who_waited_for_it),
        cmocka_unit_test(nothing_is_shared_about_a_fresh_file),
        cmocka_unit_test(permission_is_asked_again_after_chmod),
        cmocka_unit_test(a_large_file_keeps_its_descriptor),
        cmocka_unit_test(directories_and_pipes_are_not_kept_open),
        cmocka_unit_test(an_empty_file_has_empty_bytes),
        cmocka_unit_test(limits_evict_the_longest_unused),
        cmocka_unit_test(what_is_unused_goes),
        cmocka_unit_test(within_valid_nothing_is_asked),
        cmocka_unit_test(a_fresh_file_is_read_again_after_valid),
        cmocka_unit_test(content_is_kept_from_min_uses_on),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
