/* edge/listing_test.c - the four shapes of a directory listing. */
#include "edge/listing.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static struct wend_listing_entry entries[] = {
    {.name = (char *)"sub", .kind = WEND_LISTING_DIRECTORY, .size = 4096, .mtime_s = 1704164645},
    {.name = (char *)"a&<b>\"c%?#.txt",
     .kind = WEND_LISTING_FILE,
     .size = 1,
     .mtime_s = 1704164645},
    {.name = (char *)"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeee.txt",
     .kind = WEND_LISTING_FILE,
     .size = 2000000,
     .mtime_s = 1704164645},
    {.name = (char *)"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee.txt",
     .kind = WEND_LISTING_FILE,
     .size = 123456,
     .mtime_s = 1704164645},
    {.name = (char *)"\xc3\xbcn\xc3\xaf", .kind = WEND_LISTING_OTHER, .mtime_s = 1704164645},
};
static const struct wend_listing listing = {.entries = entries, .count = WEND_COUNT(entries)};

static void expect(const struct wend_listing *given, struct wend_listing_style style,
                   const char *expected)
{
    struct wend_buffer out;

    wend_buffer_init(&out, 1 << 20);
    assert_int_equal(wend_listing_write(given, &style, WEND_STR("/d<>/"), &out), WEND_OK);
    wend_buffer_add_byte(&out, '\0');
    assert_string_equal(out.ptr, expected);
    wend_buffer_release(&out);
}

#define HTML_HEAD                                                                                  \
    "<html>\r\n<head><title>Index of /d&lt;&gt;/</title></head>\r\n<body>\r\n"                     \
    "<h1>Index of /d&lt;&gt;/</h1><hr><pre><a href=\"../\">../</a>\r\n"
#define HTML_TAIL "</pre><hr></body>\r\n</html>\r\n"
#define S10 "          "
#define DATE "02-Jan-2024 03:04"

static void html(void **state)
{
    (void)state;
    expect(&listing, (struct wend_listing_style){.exact_size = true},
           HTML_HEAD
           "<a href=\"sub/\">sub/</a>" S10 S10 S10 S10 "       " DATE S10 "         -\r\n"
           "<a href=\"a%26%3Cb%3E%22c%25%3F%23.txt\">a&amp;&lt;b&gt;&quot;c%?#.txt</a>" S10 S10 S10
           "       " DATE S10 "         1\r\n"
           "<a href=\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeee.txt\">"
           "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeee.txt</a> " DATE S10 "   2000000\r\n"
           "<a href=\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee.txt\">"
           "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee..&gt;</a> " DATE S10 "    123456\r\n"
           "<a href=\"%C3%BCn%C3%AF\">\xc3\xbcn\xc3\xaf</a>" S10 S10 S10 S10 "        " DATE S10
           "         0\r\n" HTML_TAIL);
}

static void html_in_units(void **state)
{
    static struct wend_listing_entry sizes[] = {
        {.name = (char *)"a", .kind = WEND_LISTING_FILE, .size = 9999},
        {.name = (char *)"b", .kind = WEND_LISTING_FILE, .size = 10000},
        {.name = (char *)"c", .kind = WEND_LISTING_FILE, .size = 123456},
        {.name = (char *)"d", .kind = WEND_LISTING_FILE, .size = 2000000},
        {.name = (char *)"e", .kind = WEND_LISTING_FILE, .size = INT64_C(5000000000)},
    };
    static const char *const expected[] = {"    9999", "     10K", "    121K", "      2M",
                                           "      5G"};
    struct wend_buffer out;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(sizes); i++) {
        wend_buffer_init(&out, 100);
        add_html_size(&out, &sizes[i], false);
        wend_buffer_add_byte(&out, '\0');
        assert_string_equal(out.ptr, expected[i]);
        wend_buffer_release(&out);
    }
}

#define MTIME "\"mtime\":\"Tue, 02 Jan 2024 03:04:05 GMT\""

static void json_and_jsonp(void **state)
{
    struct wend_listing two = {.entries = entries, .count = 2};
    struct wend_listing none = {0};

    (void)state;
    expect(&two, (struct wend_listing_style){.format = WEND_LISTING_JSON},
           "[\r\n{ \"name\":\"sub\", \"type\":\"directory\", " MTIME " },\r\n"
           "{ \"name\":\"a&<b>\\\"c%?#.txt\", \"type\":\"file\", " MTIME ", \"size\":1 }\r\n]");
    expect(&none, (struct wend_listing_style){.format = WEND_LISTING_JSON}, "[\r\n]");
    expect(&none,
           (struct wend_listing_style){.format = WEND_LISTING_JSONP, .callback = WEND_STR("cb")},
           "/* callback */\r\ncb([\r\n]);");
    assert_true(wend_listing_callback_valid(WEND_STR("a.b_C9")));
    assert_false(wend_listing_callback_valid(WEND_STR("alert(1)")));
    assert_false(wend_listing_callback_valid(wend_str_make("a\0b", 3)));
}

static void xml(void **state)
{
    struct wend_listing two = {.entries = entries, .count = 2};

    (void)state;
    expect(
        &two, (struct wend_listing_style){.format = WEND_LISTING_XML},
        "<?xml version=\"1.0\"?>\r\n<list>\r\n"
        "<directory mtime=\"2024-01-02T03:04:05Z\">sub</directory>\r\n"
        "<file mtime=\"2024-01-02T03:04:05Z\" size=\"1\">a&amp;&lt;b&gt;&quot;c%?#.txt</file>\r\n"
        "</list>\r\n");
}

static void a_directory_is_read_in_order(void **state)
{
    static const char *const files[] = {"b", "a", ".hidden"};
    char directory[] = "/tmp/wend_listing_XXXXXX";
    char path[64];
    struct wend_listing found;

    (void)state;
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < WEND_COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
        assert_int_equal(close(creat(path, 0600)), 0);
    }
    snprintf(path, sizeof(path), "%s/z", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/link", directory);
    assert_int_equal(symlink("/nonexistent", path), 0);

    assert_int_equal(wend_listing_read(directory, &found), WEND_OK);
    assert_int_equal(found.count, 4);
    assert_string_equal(found.entries[0].name, "z");
    assert_string_equal(found.entries[1].name, "a");
    assert_string_equal(found.entries[2].name, "b");
    assert_string_equal(found.entries[3].name, "link");
    assert_int_equal(found.entries[3].kind, WEND_LISTING_OTHER);
    wend_listing_release(&found);

    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/z", directory);
    assert_int_equal(rmdir(path), 0);
    for (size_t i = 0; i < WEND_COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(wend_listing_read(directory, &found), WEND_E_IO);
    assert_int_equal(found.error, ENOENT);
    assert_string_equal(found.call, "opendir()");
    wend_listing_release(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html),
        cmocka_unit_test(html_in_units),
        cmocka_unit_test(json_and_jsonp),
        cmocka_unit_test(xml),
        cmocka_unit_test(a_directory_is_read_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
