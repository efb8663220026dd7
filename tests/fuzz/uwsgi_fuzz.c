/* tests/fuzz/uwsgi_fuzz.c - any bytes as a uwsgi packet.
 *
 * What is accepted must be consistent: every pair lies inside the packet, writing the pairs again
 * gives the same bytes, and the request made of them holds nothing that could break a head.
 */
#include "base/assert.h"
#include "gateway/uwsgi.h"
#include "gateway/uwsgi_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct wend_str vars, const struct wend_uwsgi_head *head)
{
    struct wend_buffer packet;
    struct wend_str rest = vars, key, value;

    wend_buffer_init(&packet, WEND_UWSGI_HEAD_BYTES + WEND_UWSGI_VARS_BYTES_MAX);
    wend_uwsgi_packet_start(&packet, head->modifier1, head->modifier2);
    while (wend_uwsgi_vars_next(&rest, &key, &value))
        wend_uwsgi_packet_add(&packet, key, value);
    WEND_ASSERT(wend_uwsgi_packet_end(&packet, 0) == WEND_OK);
    WEND_ASSERT(wend_str_eq(wend_str_from(wend_buffer_str(&packet), WEND_UWSGI_HEAD_BYTES), vars));
    wend_buffer_release(&packet);
}

static void check_request(const struct wend_request *request)
{
    WEND_ASSERT(wend_field_name_valid(request->method_text));
    WEND_ASSERT(wend_str_find_byte(request->target, '\n') < 0);
    WEND_ASSERT(wend_str_find_byte(request->target, ' ') < 0);
    WEND_ASSERT(request->port >= -1 && request->port <= 65535);
    WEND_ASSERT(request->content_length >= -1);
    for (unsigned i = 0; i < request->fields.count; i++)
        WEND_ASSERT(wend_field_value_valid(request->fields.at[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wend_request request = {0};
    struct wend_uwsgi_facts facts;
    struct wend_uwsgi_head head;
    struct wend_arena arena;
    struct wend_str vars;
    const char *text;
    size_t offset;

    if (size < WEND_UWSGI_HEAD_BYTES)
        return 0;
    wend_uwsgi_head_parse((const char *)data, &head);
    vars = wend_str_make((const char *)data + WEND_UWSGI_HEAD_BYTES, size - WEND_UWSGI_HEAD_BYTES);
    if (vars.len > WEND_UWSGI_VARS_BYTES_MAX)
        return 0;
    if (wend_uwsgi_vars_check(vars, &offset) != WEND_OK) {
        WEND_ASSERT(offset <= vars.len);
        return 0;
    }
    write_again(vars, &head);
    wend_arena_init(&arena, 1u << 20);
    if (wend_uwsgi_request_fill(&arena, vars, head.modifier1 == WEND_UWSGI_REQUEST_MOUNTED,
                                &request, &facts, &text) == WEND_OK)
        check_request(&request);
    wend_arena_release(&arena);
    return 0;
}
