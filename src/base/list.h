/* base/list.h - an intrusive doubly linked ring. The head is a node too; an empty ring points at
 * itself. A node that is in no ring has next == NULL. */
#ifndef WEND_BASE_LIST_H
#define WEND_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct wend_list {
    struct wend_list *next, *prev;
};

#define WEND_OF(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

/* Safe against removal of `node` itself inside the loop. */
#define WEND_LIST_EACH(head, node, after)                                                          \
    for (struct wend_list *node = (head)->next, *after = node->next; node != (head);               \
         node = after, after = node->next)

static inline void wend_list_init(struct wend_list *head)
{
    head->next = head->prev = head;
}
static inline bool wend_list_empty(const struct wend_list *head)
{
    return head->next == head;
}
static inline bool wend_list_linked(const struct wend_list *node)
{
    return node->next != NULL;
}
static inline void wend_list_append(struct wend_list *head, struct wend_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
static inline void wend_list_prepend(struct wend_list *head, struct wend_list *node)
{
    wend_list_append(head->next, node);
}
static inline void wend_list_remove(struct wend_list *node)
{
    if (node->next == NULL)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

#endif
