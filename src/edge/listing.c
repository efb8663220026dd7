/* edge/listing.c - what a directory holds, as a page or as data; see edge/listing.h. */
#include "edge/listing.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define NAME_COLUMNS 50
#define KIB 1024
#define MIB (1024 * 1024)
#define GIB (1024 * 1024 * 1024)

/* --- reading --------------------------------------------------------------------------------- */

static enum wend_code fail_call(struct wend_listing *listing, const char *call)
{
    listing->error = errno;
    listing->call = call;
    return WEND_E_IO;
}

static enum wend_code add_entry(struct wend_listing *listing, const char *name,
                                const struct stat *seen)
{
    struct wend_listing_entry *entry;

    if (listing->count == WEND_LISTING_ENTRIES_MAX)
        return WEND_E_LIMIT;
    if (listing->count == listing->room) {
        size_t room = listing->room == 0 ? 64 : listing->room * 2;
        void *grown = reallocarray(listing->entries, room, sizeof(*entry));

        if (grown == NULL)
            return WEND_E_MEMORY;
        listing->entries = grown;
        listing->room = room;
    }
    entry = &listing->entries[listing->count];
    entry->name = strdup(name);
    if (entry->name == NULL)
        return WEND_E_MEMORY;
    entry->kind = S_ISDIR(seen->st_mode)   ? WEND_LISTING_DIRECTORY
                  : S_ISREG(seen->st_mode) ? WEND_LISTING_FILE
                                           : WEND_LISTING_OTHER;
    entry->size = seen->st_size;
    entry->mtime_s = seen->st_mtim.tv_sec;
    listing->count++;
    return WEND_OK;
}

/* A name that is gone again, or that we may not look at, is left out; a link that leads nowhere is
 * listed as the link it is. */
static enum wend_code look_at(struct wend_listing *listing, int directory, const char *name)
{
    struct stat seen;

    if (fstatat(directory, name, &seen, 0) == 0)
        return add_entry(listing, name, &seen);
    if (errno == EACCES)
        return WEND_OK;
    if (errno != ENOENT && errno != ELOOP)
        return fail_call(listing, "stat()");
    if (fstatat(directory, name, &seen, AT_SYMLINK_NOFOLLOW) == 0)
        return add_entry(listing, name, &seen);
    return errno == ENOENT ? WEND_OK : fail_call(listing, "lstat()");
}

static int compare_entries(const void *left, const void *right)
{
    const struct wend_listing_entry *a = left, *b = right;
    bool a_directory = a->kind == WEND_LISTING_DIRECTORY;
    bool b_directory = b->kind == WEND_LISTING_DIRECTORY;

    if (a_directory != b_directory)
        return a_directory ? -1 : 1;
    return strcmp(a->name, b->name);
}

enum wend_code wend_listing_read(const char *directory, struct wend_listing *out)
{
    DIR *handle;
    enum wend_code code = WEND_OK;

    *out = (struct wend_listing){0};
    handle = opendir(directory);
    if (handle == NULL)
        return fail_call(out, "opendir()");
    while (code == WEND_OK) {
        const struct dirent *found;

        errno = 0;
        found = readdir(handle);
        if (found == NULL) {
            if (errno != 0)
                code = fail_call(out, "readdir()");
            break;
        }
        if (found->d_name[0] != '.')
            code = look_at(out, dirfd(handle), found->d_name);
    }
    closedir(handle);
    if (code == WEND_OK && out->count > 1)
        qsort(out->entries, out->count, sizeof(*out->entries), compare_entries);
    return code;
}

void wend_listing_release(struct wend_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    listing->entries = NULL;
    listing->count = listing->room = 0;
}

/* --- texts ----------------------------------------------------------------------------------- */

/* & < > " as entities; nginx leaves the apostrophe alone, and so do its readers. */
static void add_escaped(struct wend_buffer *out, struct wend_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '&':
            wend_buffer_add(out, WEND_STR("&amp;"));
            break;
        case '<':
            wend_buffer_add(out, WEND_STR("&lt;"));
            break;
        case '>':
            wend_buffer_add(out, WEND_STR("&gt;"));
            break;
        case '"':
            wend_buffer_add(out, WEND_STR("&quot;"));
            break;
        default:
            wend_buffer_add_byte(out, s.ptr[i]);
        }
    }
}

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_component(struct wend_buffer *out, struct wend_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (unreserved(s.ptr[i]))
            wend_buffer_add_byte(out, s.ptr[i]);
        else
            wend_buffer_printf(out, "%%%02X", (unsigned char)s.ptr[i]);
    }
}

/* Offset of the character that starts at column `columns` or, when the name is shorter, its length;
 * *seen says how many columns came before. Bytes that are no UTF-8 count as one column each. */
static size_t offset_of_column(struct wend_str name, size_t columns, size_t *seen)
{
    size_t at = 0, column = 0;

    while (at < name.len && column < columns) {
        at++;
        while (at < name.len && ((unsigned char)name.ptr[at] & 0xc0) == 0x80)
            at++;
        column++;
    }
    *seen = column;
    return at;
}

static void add_spaces(struct wend_buffer *out, size_t count)
{
    char *to = wend_buffer_reserve(out, count);

    if (to == NULL)
        return;
    memset(to, ' ', count);
    out->len += count;
}

/* --- html ------------------------------------------------------------------------------------ */

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void add_html_name(struct wend_buffer *out, const struct wend_listing_entry *entry)
{
    struct wend_str name = wend_str_of(entry->name);
    bool directory = entry->kind == WEND_LISTING_DIRECTORY;
    size_t columns, cut;

    wend_buffer_add(out, WEND_STR("<a href=\""));
    add_component(out, name);
    wend_buffer_add(out, directory ? WEND_STR("/\">") : WEND_STR("\">"));
    (void)offset_of_column(name, NAME_COLUMNS + 1, &columns);
    if (columns > NAME_COLUMNS) {
        cut = offset_of_column(name, NAME_COLUMNS - 3, &columns);
        add_escaped(out, wend_str_slice(name, 0, cut));
        wend_buffer_add(out, WEND_STR("..&gt;</a>"));
        columns = NAME_COLUMNS;
    } else {
        add_escaped(out, name);
        if (directory && columns < NAME_COLUMNS) {
            wend_buffer_add_byte(out, '/');
            columns++;
        }
        wend_buffer_add(out, WEND_STR("</a>"));
    }
    add_spaces(out, NAME_COLUMNS - columns + 1);
}

/* Rounded to the nearest, halves down: 1.5 KiB is 1K, a byte more is 2K. */
static int64_t in_units(int64_t size, int64_t unit)
{
    return size / unit + (size % unit > unit / 2 - 1);
}

static void add_html_size(struct wend_buffer *out, const struct wend_listing_entry *entry,
                          bool exact)
{
    long long size = (long long)entry->size;

    if (entry->kind == WEND_LISTING_DIRECTORY)
        wend_buffer_printf(out, "%*s", exact ? 20 : 8, "-");
    else if (exact)
        wend_buffer_printf(out, "%20lld", size);
    else if (size > GIB - 1)
        wend_buffer_printf(out, "%7lldG", (long long)in_units(size, GIB));
    else if (size > MIB - 1)
        wend_buffer_printf(out, "%7lldM", (long long)in_units(size, MIB));
    else if (size > 9999)
        wend_buffer_printf(out, "%7lldK", (long long)in_units(size, KIB));
    else
        wend_buffer_printf(out, "%8lld", size);
}

static void write_html(const struct wend_listing *listing, const struct wend_listing_style *style,
                       struct wend_str path, struct wend_buffer *out)
{
    wend_buffer_add(out, WEND_STR("<html>\r\n<head><title>Index of "));
    add_escaped(out, path);
    wend_buffer_add(out, WEND_STR("</title></head>\r\n<body>\r\n<h1>Index of "));
    add_escaped(out, path);
    wend_buffer_add(out, WEND_STR("</h1><hr><pre><a href=\"../\">../</a>\r\n"));
    for (size_t i = 0; i < listing->count; i++) {
        const struct wend_listing_entry *entry = &listing->entries[i];
        time_t mtime = (time_t)entry->mtime_s;
        struct tm tm;

        if ((style->local_time ? localtime_r(&mtime, &tm) : gmtime_r(&mtime, &tm)) == NULL)
            memset(&tm, 0, sizeof(tm));
        add_html_name(out, entry);
        wend_buffer_printf(out, "%02d-%s-%d %02d:%02d", tm.tm_mday, months[tm.tm_mon],
                           tm.tm_year + 1900, tm.tm_hour, tm.tm_min);
        add_html_size(out, entry, style->exact_size);
        wend_buffer_add(out, WEND_STR("\r\n"));
    }
    wend_buffer_add(out, WEND_STR("</pre><hr></body>\r\n</html>\r\n"));
}

/* --- data ------------------------------------------------------------------------------------ */

static const char *kind_name(enum wend_listing_kind kind)
{
    static const char *const names[] = {"directory", "file", "other"};

    return names[kind];
}

static void write_json(const struct wend_listing *listing, const struct wend_listing_style *style,
                       struct wend_buffer *out)
{
    bool jsonp = style->format == WEND_LISTING_JSONP && style->callback.len > 0;

    if (jsonp)
        wend_buffer_printf(out, "/* callback */\r\n%.*s(", WEND_STR_ARG(style->callback));
    wend_buffer_add_byte(out, '[');
    for (size_t i = 0; i < listing->count; i++) {
        const struct wend_listing_entry *entry = &listing->entries[i];
        char date[WEND_CLOCK_HTTP_LEN + 1];

        wend_clock_write_http(entry->mtime_s, date);
        wend_buffer_add(out,
                        i == 0 ? WEND_STR("\r\n{ \"name\":\"") : WEND_STR(",\r\n{ \"name\":\""));
        wend_buffer_add_json(out, wend_str_of(entry->name));
        wend_buffer_printf(out, "\", \"type\":\"%s\", \"mtime\":\"%s\"", kind_name(entry->kind),
                           date);
        if (entry->kind == WEND_LISTING_FILE)
            wend_buffer_printf(out, ", \"size\":%lld", (long long)entry->size);
        wend_buffer_add(out, WEND_STR(" }"));
    }
    wend_buffer_add(out, WEND_STR("\r\n]"));
    if (jsonp)
        wend_buffer_add(out, WEND_STR(");"));
}

static void write_xml(const struct wend_listing *listing, struct wend_buffer *out)
{
    wend_buffer_add(out, WEND_STR("<?xml version=\"1.0\"?>\r\n<list>\r\n"));
    for (size_t i = 0; i < listing->count; i++) {
        const struct wend_listing_entry *entry = &listing->entries[i];
        const char *kind = kind_name(entry->kind);
        time_t mtime = (time_t)entry->mtime_s;
        struct tm tm;

        if (gmtime_r(&mtime, &tm) == NULL)
            memset(&tm, 0, sizeof(tm));
        wend_buffer_printf(out, "<%s mtime=\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", kind,
                           tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                           tm.tm_sec);
        if (entry->kind == WEND_LISTING_FILE)
            wend_buffer_printf(out, " size=\"%lld\"", (long long)entry->size);
        wend_buffer_add_byte(out, '>');
        add_escaped(out, wend_str_of(entry->name));
        wend_buffer_printf(out, "</%s>\r\n", kind);
    }
    wend_buffer_add(out, WEND_STR("</list>\r\n"));
}

enum wend_code wend_listing_write(const struct wend_listing *listing,
                                  const struct wend_listing_style *style, struct wend_str path,
                                  struct wend_buffer *out)
{
    switch (style->format) {
    case WEND_LISTING_HTML:
        write_html(listing, style, path, out);
        break;
    case WEND_LISTING_JSON:
    case WEND_LISTING_JSONP:
        write_json(listing, style, out);
        break;
    case WEND_LISTING_XML:
        write_xml(listing, out);
        break;
    }
    return out->overflow ? WEND_E_LIMIT : WEND_OK;
}

bool wend_listing_callback_valid(struct wend_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_' && c != '.')
            return false;
    }
    return true;
}
