/* base/list_test.c */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int number;
    struct wend_list node;
};

static int sum_in_order(struct wend_list *head)
{
    int digits = 0;

    WEND_LIST_EACH(head, node, after)
        digits = digits * 10 + WEND_OF(node, struct item, node)->number;
    return digits;
}

static void nodes_keep_their_order(void **state)
{
    struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
    struct wend_list head;

    (void)state;
    wend_list_init(&head);
    assert_true(wend_list_empty(&head));
    assert_false(wend_list_linked(&a.node));
    wend_list_append(&head, &b.node);
    wend_list_append(&head, &c.node);
    wend_list_prepend(&head, &a.node);
    assert_int_equal(sum_in_order(&head), 123);
    wend_list_remove(&b.node);
    wend_list_remove(&b.node);
    assert_int_equal(sum_in_order(&head), 13);
    assert_false(wend_list_linked(&b.node));
    WEND_LIST_EACH(&head, node, after)
        wend_list_remove(node);
    assert_true(wend_list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_keep_their_order),
    };

    return cmocka_run_group_tests_name("base.list", tests, NULL, NULL);
}
