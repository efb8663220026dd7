/* gateway/rendezvous_test.c */
#include "gateway/rendezvous.c"

#include <fcntl.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_descriptor_goes_through_and_waits(void **state)
{
    int edge = -1, pool = -1, ends[2], fd;
    char byte = 0;

    (void)state;
    assert_int_equal(wend_rendezvous_open(&edge, &pool), WEND_OK);
    assert_int_equal(wend_rendezvous_take(pool, &fd), WEND_DECLINED);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(wend_rendezvous_send(edge, ends[1]), WEND_OK);
    close(ends[1]);
    assert_int_equal(wend_rendezvous_take(pool, &fd), WEND_OK);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(fd);
    close(ends[0]);
    close(edge);
    close(pool);
}

static void a_message_without_a_descriptor_is_passed_over(void **state)
{
    int edge = -1, pool = -1, fd;

    (void)state;
    assert_int_equal(wend_rendezvous_open(&edge, &pool), WEND_OK);
    assert_int_equal(send(edge, "c", 1, 0), 1);
    assert_int_equal(wend_rendezvous_take(pool, &fd), WEND_DECLINED);
    assert_int_equal(send(edge, "c", 1, 0), 1);
    assert_int_equal(wend_rendezvous_send(edge, STDIN_FILENO), WEND_OK);
    assert_int_equal(wend_rendezvous_take(pool, &fd), WEND_OK);
    close(fd);
    close(edge);
    close(pool);
}

static void each_side_learns_that_the_other_is_gone(void **state)
{
    int edge = -1, pool = -1, fd;

    (void)state;
    assert_int_equal(wend_rendezvous_open(&edge, &pool), WEND_OK);
    assert_int_equal(wend_rendezvous_send(edge, STDIN_FILENO), WEND_OK);
    close(edge);
    assert_int_equal(wend_rendezvous_take(pool, &fd), WEND_OK); /* what was sent still comes */
    close(fd);
    assert_int_equal(wend_rendezvous_take(pool, &fd), WEND_E_CLOSED);
    close(pool);
    assert_int_equal(wend_rendezvous_open(&edge, &pool), WEND_OK);
    close(pool);
    assert_int_equal(wend_rendezvous_send(edge, STDIN_FILENO), WEND_E_REFUSED);
    close(edge);
}

static void not_more_wait_than_fit(void **state)
{
    enum wend_code code = WEND_OK;
    int edge = -1, pool = -1, fd, sent = 0, taken = 0;

    (void)state;
    assert_int_equal(wend_rendezvous_open(&edge, &pool), WEND_OK);
    while (code == WEND_OK && sent < 100000) {
        code = wend_rendezvous_send(edge, STDIN_FILENO);
        sent += code == WEND_OK;
    }
    assert_int_equal(code, WEND_E_LIMIT);
    while (wend_rendezvous_take(pool, &fd) == WEND_OK) {
        close(fd);
        taken++;
    }
    assert_int_equal(taken, sent);
    close(edge);
    close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_goes_through_and_waits),
        cmocka_unit_test(a_message_without_a_descriptor_is_passed_over),
        cmocka_unit_test(each_side_learns_that_the_other_is_gone),
        cmocka_unit_test(not_more_wait_than_fit),
    };

    return cmocka_run_group_tests_name("gateway.rendezvous", tests, NULL, NULL);
}
