/* http/h1_chunk.c - chunked framing, taken off and put on.
 *
 * A state per byte class, because framing may be cut anywhere between two reads; data is skipped in
 * one step. Everything RFC 9112 7.1 does not allow is refused: two readers that forgive
 * different things here see two different bodies, which is how requests are smuggled.
 *
 *   chunk = 1*HEXDIG extension* CRLF data CRLF
 *   extension = BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ]
 *   end = 1*"0" extension* CRLF *( field-line CRLF ) CRLF
 */
#include "http/chars.h"
#include "http/h1_parse.h"

enum state {
    SIZE,         /* the first digit of a size, then more */
    AFTER_SIZE,   /* BWS after a size or extension: only ';' may follow */
    NAME_START,   /* after ';' */
    NAME,         /* in an extension's name */
    AFTER_NAME,   /* BWS after it: '=' or ';' */
    VALUE_START,  /* after '=' */
    VALUE,        /* a token */
    QUOTED,       /* a quoted string */
    ESCAPE,       /* after a backslash in it */
    AFTER_QUOTED, /* its closing quote */
    SIZE_LF,      /* after the CR of the size line */
    DATA,         /* left > 0 */
    DATA_CR,      /* the CR after the data */
    DATA_LF,
    TRAILER_START, /* a trailer line, or the end */
    TRAILER,       /* in a trailer line */
    TRAILER_LF,    /* after its CR */
    END_LF,        /* after the CR of the last line */
    END
};

/* What may follow an extension, or the state of the line's end. */
static int after_part(char c)
{
    switch (c) {
    case ';':
        return NAME_START;
    case '\r':
        return SIZE_LF;
    default:
        return -1;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int after_blanks(char c, enum state here)
{
    if (is_blank(c))
        return here;
    return c == ';' ? NAME_START : -1;
}

static int take_size(struct wend_h1_chunks *chunks, char c)
{
    if (wend_char_is(c, WEND_CHAR_HEX)) {
        if (chunks->left > (INT64_MAX >> 4)) /* one more digit would not fit an off_t */
            return -1;
        chunks->left = chunks->left << 4 | wend_char_hex(c);
        chunks->digits = true;
        return SIZE;
    }
    if (!chunks->digits)
        return -1;
    return is_blank(c) ? (int)AFTER_SIZE : after_part(c);
}

/* A byte of a size line; the next state, or -1. */
static int take_extension(enum state state, char c)
{
    bool token = wend_char_is(c, WEND_CHAR_TOKEN);

    switch (state) {
    case AFTER_SIZE:
        return after_blanks(c, AFTER_SIZE);
    case NAME_START:
        return token ? NAME : is_blank(c) ? NAME_START : -1;
    case NAME:
        if (token)
            return NAME;
        return is_blank(c) ? AFTER_NAME : c == '=' ? VALUE_START : after_part(c);
    case AFTER_NAME:
        return c == '=' ? VALUE_START : after_blanks(c, AFTER_NAME);
    case VALUE_START:
        return token ? VALUE : is_blank(c) ? VALUE_START : c == '"' ? QUOTED : -1;
    case VALUE:
        if (token)
            return VALUE;
        return is_blank(c) ? (int)AFTER_SIZE : after_part(c);
    case QUOTED:
        if (c == '"')
            return AFTER_QUOTED;
        return c == '\\' ? ESCAPE : ((uint8_t)c < 0x20 && c != '\t') || c == 0x7f ? -1 : QUOTED;
    case ESCAPE:
        return ((uint8_t)c < 0x20 && c != '\t') || c == 0x7f ? -1 : QUOTED;
    case AFTER_QUOTED:
        return is_blank(c) ? (int)AFTER_SIZE : after_part(c);
    default:
        return -1;
    }
}

/* A byte after the last chunk. wend_h1_parse_fields() looks at the lines; here only their ends
 * count. */
static int take_trailer(enum state state, char c)
{
    switch (state) {
    case TRAILER_START:
        return c == '\r' ? END_LF : c == '\n' || c == '\0' ? -1 : TRAILER;
    case TRAILER:
        return c == '\r' ? TRAILER_LF : c == '\n' || c == '\0' ? -1 : TRAILER;
    case TRAILER_LF:
        return c == '\n' ? TRAILER_START : -1;
    case END_LF:
        return c == '\n' ? END : -1;
    default:
        return -1;
    }
}

static int take_line_end(struct wend_h1_chunks *chunks, enum state state, char c)
{
    switch (state) {
    case SIZE_LF:
        chunks->line = 0;
        chunks->digits = false;
        return c != '\n' ? -1 : chunks->left > 0 ? DATA : TRAILER_START;
    case DATA_CR:
        return c == '\r' ? DATA_LF : -1;
    case DATA_LF:
        chunks->line = 0;
        return c == '\n' ? SIZE : -1;
    default:
        return -1;
    }
}

static int take_byte(struct wend_h1_chunks *chunks, char c)
{
    enum state state = chunks->state;

    if (state == SIZE)
        return take_size(chunks, c);
    if (state < SIZE_LF)
        return take_extension(state, c);
    return state < TRAILER_START ? take_line_end(chunks, state, c) : take_trailer(state, c);
}

enum wend_code wend_h1_chunks_decode(struct wend_h1_chunks *chunks, const char *bytes, size_t len,
                                     size_t *used, struct wend_str *data,
                                     struct wend_buffer *trailer_bytes)
{
    size_t at = 0;

    *data = wend_str_make(bytes, 0);
    *used = 0;
    while (at < len && chunks->state != END) {
        uint32_t line_max =
            chunks->state >= TRAILER_START ? WEND_H1_TRAILER_MAX : WEND_H1_CHUNK_LINE_MAX;
        int next;

        if (chunks->state == DATA) {
            size_t take = chunks->left < len - at ? (size_t)chunks->left : len - at;

            *data = wend_str_make(bytes + at, take);
            *used = at + take;
            chunks->left -= take;
            if (chunks->left == 0)
                chunks->state = DATA_CR;
            return WEND_MORE;
        }
        if (++chunks->line > line_max) {
            *used = at;
            return WEND_E_LIMIT;
        }
        next = take_byte(chunks, bytes[at]);
        if (next < 0) {
            *used = at;
            return WEND_E_SYNTAX;
        }
        if (chunks->state >= TRAILER_START && trailer_bytes != NULL)
            wend_buffer_add_byte(trailer_bytes, bytes[at]);
        chunks->state = (uint8_t)next;
        at++;
    }
    *used = at;
    return chunks->state == END ? WEND_OK : WEND_MORE;
}

size_t wend_h1_chunk_head(uint64_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned shift = size == 0 ? 0 : (63 - (unsigned)__builtin_clzll(size)) & ~3u;
    size_t len = 0;

    for (;; shift -= 4) {
        out[len++] = digits[size >> shift & 0xf];
        if (shift == 0)
            break;
    }
    out[len++] = '\r';
    out[len++] = '\n';
    return len;
}
