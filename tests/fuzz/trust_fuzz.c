/* tests/fuzz/trust_fuzz.c - trusted networks, and X-Forwarded-For as they make it believed.
 *
 * The first line is a network, the rest the field's value. */
#include "app/app.h"
#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A wider network trusts whom a narrower one does. */
static void check_widening(struct wend_app_settings *settings, const struct wend_address *peer)
{
    bool trusted = wend_app_trusts(settings, peer);

    while (settings->trusted[0].bits > 0) {
        settings->trusted[0].bits--;
        WEND_ASSERT(!trusted || wend_app_trusts(settings, peer));
        trusted = wend_app_trusts(settings, peer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct wend_app_settings settings;
    static const struct wend_app_settings trusts_nobody;
    struct wend_str list = wend_str_make((const char *)bytes, len), network, client, last;
    struct wend_address address;
    ptrdiff_t comma;

    if (!wend_str_split(&list, '\n', &network))
        return 0;
    settings.trusted_count = wend_app_network_parse(network, &settings.trusted[0]) ? 1 : 0;
    client = wend_app_forwarded_client(&settings, list);
    WEND_ASSERT(client.len == 0 ||
                (client.ptr >= list.ptr && client.ptr + client.len <= list.ptr + list.len));
    WEND_ASSERT(client.len == 0 || wend_address_parse_host(client, 0, &address));
    if (client.len != 0 && settings.trusted_count != 0)
        check_widening(&settings, &address);
    /* Who trusts nobody believes no more than the last one, who is known. */
    client = wend_app_forwarded_client(&trusts_nobody, list);
    comma = wend_str_rfind_byte(list, ',');
    last = wend_str_trim(comma < 0 ? list : wend_str_from(list, (size_t)comma + 1));
    WEND_ASSERT(client.len == 0 || wend_str_eq(client, last));
    return 0;
}
