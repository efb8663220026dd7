/* Bounds, order, and that nobody sleeps while something waits. */
#include "queue.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

static void items_come_in_order_and_no_more_than_there_is_room(void **state)
{
    struct wend_app_queue queue;

    (void)state;
    wend_app_queue_init(&queue, 2);
    assert_true(wend_app_queue_push(&queue, &queue.ring));
    assert_true(wend_app_queue_push(&queue, &queue.room));
    assert_false(wend_app_queue_push(&queue, &queue.first));
    assert_int_equal(wend_app_queue_waiting(&queue), 2);
    assert_ptr_equal(wend_app_queue_try(&queue), &queue.ring);
    assert_ptr_equal(wend_app_queue_try(&queue), &queue.room);
    assert_null(wend_app_queue_try(&queue));
    wend_app_queue_release(&queue);
}

struct crew {
    struct wend_app_queue queue;
    unsigned taken[4];
    unsigned hold_us;
};
struct hand {
    struct crew *crew;
    unsigned number;
};

static void *take_all(void *arg)
{
    struct hand *hand = arg;

    wend_app_queue_join(&hand->crew->queue);
    while (wend_app_queue_take(&hand->crew->queue) != NULL) {
        __atomic_add_fetch(&hand->crew->taken[hand->number], 1, __ATOMIC_SEQ_CST);
        usleep(hand->crew->hold_us);
    }
    wend_app_queue_leave(&hand->crew->queue);
    return NULL;
}

static void start(struct crew *crew, struct hand *hands, pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        hands[i] = (struct hand){crew, i};
        pthread_create(&threads[i], NULL, take_all, &hands[i]);
    }
    for (bool all = false; !all; usleep(1000)) {
        pthread_mutex_lock(&crew->queue.lock);
        all = crew->queue.asleep == count;
        pthread_mutex_unlock(&crew->queue.lock);
    }
}

static void every_item_is_taken_once_and_closing_ends_the_threads(void **state)
{
    struct crew crew = {.hold_us = 0};
    struct hand hands[4];
    pthread_t threads[4];
    unsigned pushed = 0, taken = 0;

    (void)state;
    wend_app_queue_init(&crew.queue, 64);
    start(&crew, hands, threads, 4);
    while (pushed < 20000) {
        if (wend_app_queue_push(&crew.queue, &crew))
            pushed++;
        if (pushed % 7 == 0) /* several in a row are called for at once */
            wend_app_queue_call(&crew.queue);
        if (wend_app_queue_waiting(&crew.queue) == crew.queue.room)
            (void)wend_app_queue_nudge(&crew.queue, pushed % 3 == 0);
    }
    wend_app_queue_close(&crew.queue);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 4; i++)
        taken += crew.taken[i];
    assert_int_equal(taken, pushed);
    wend_app_queue_release(&crew.queue);
}

static void expect_waiting(struct crew *crew, size_t wanted)
{
    usleep(50000);
    assert_int_equal(wend_app_queue_waiting(&crew->queue), wanted);
}

static void a_second_thread_is_called_when_the_first_is_off_the_interpreter(void **state)
{
    struct crew crew = {.hold_us = 400000};
    struct hand hands[2];
    pthread_t threads[2];

    (void)state;
    wend_app_queue_init(&crew.queue, 8);
    start(&crew, hands, threads, 2);
    assert_true(wend_app_queue_push(&crew.queue, &crew));
    wend_app_queue_call(&crew.queue);
    expect_waiting(&crew, 0);
    assert_true(wend_app_queue_push(&crew.queue, &crew));
    wend_app_queue_call(&crew.queue);
    expect_waiting(&crew, 1);
    assert_true(wend_app_queue_nudge(&crew.queue, true)); /* the first was taken since: patience */
    expect_waiting(&crew, 1);
    assert_true(wend_app_queue_nudge(&crew.queue, true)); /* nothing was: a second one is wanted */
    expect_waiting(&crew, 0);
    wend_app_queue_close(&crew.queue);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    wend_app_queue_release(&crew.queue);
}

static void threads_that_only_compete_go_to_sleep(void **state)
{
    struct wend_app_sleeper sleeper = {.woken = PTHREAD_COND_INITIALIZER};
    struct wend_app_queue queue;

    (void)state;
    wend_app_queue_init(&queue, 64);
    wend_app_queue_join(&queue);
    wend_app_queue_join(&queue);
    queue.wanted = 2;
    for (int i = 0; i < 20; i++)
        assert_true(wend_app_queue_push(&queue, &queue));
    for (int i = 0; i < WEND_APP_CALM; i++) {
        assert_non_null(wend_app_queue_try(&queue));
        assert_true(wend_app_queue_nudge(&queue, true));
    }
    assert_int_equal(queue.wanted, 1);
    assert_null(wend_app_queue_try(&queue)); /* this thread is the second */
    queue.awake = 1;
    assert_non_null(wend_app_queue_try(&queue));
    for (int i = 0; i < 2; i++) {
        assert_non_null(wend_app_queue_try(&queue));
        assert_true(wend_app_queue_nudge(&queue, false));
    }
    assert_int_equal(queue.wanted, 1); /* no more than there are threads */
    queue.asleep = 1;
    queue.sleepers = &sleeper;
    for (int i = 0; i < 2; i++) {
        assert_non_null(wend_app_queue_try(&queue));
        (void)wend_app_queue_nudge(&queue, false);
    }
    assert_int_equal(queue.wanted, 2);
    assert_true(sleeper.called);
    queue.awake = queue.asleep = 0;
    wend_app_queue_release(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_order_and_no_more_than_there_is_room),
        cmocka_unit_test(every_item_is_taken_once_and_closing_ends_the_threads),
        cmocka_unit_test(a_second_thread_is_called_when_the_first_is_off_the_interpreter),
        cmocka_unit_test(threads_that_only_compete_go_to_sleep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
