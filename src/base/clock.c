/* base/clock.c - reading clocks, and writing and parsing dates.
 *
 * Ticks. Where the kernel itself uses the CPU's counter for CLOCK_MONOTONIC (it checked that it is
 * invariant and in step on all CPUs), so do we, without the vDSO's sequence lock. How many
 * nanoseconds a tick is, is measured against CLOCK_MONOTONIC over the time the process has run so
 * far; the longer that is, the better, so the measurement is repeated whenever the span has
 * doubled.
 *
 * Dates. The calendar is computed here: timegm and gmtime_r take locks and read TZ, and the texts
 * of HTTP know no time zone. Only the logs' local time asks the C library, once per second. */
#include "base/clock.h"

#include "base/assert.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define KEPT_DATES 16 /* per thread */
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return now.tv_sec * WEND_NS_PER_S + now.tv_nsec;
}

int64_t wend_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t wend_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* --- ticks ------------------------------------------------------------------------------- */

#define SCALE_BITS 32
#define SPAN_FIRST_NS WEND_NS_PER_MS        /* reading errors of 50 ns are 50 ppm of it */
#define SPAN_ENOUGH_NS (60 * WEND_NS_PER_S) /* no better measurement after this */

struct pair {
    uint64_t ticks;
    int64_t ns;
};

static bool counter_trusted;  /* set before main, then constant */
static struct pair birth;     /* the span is measured from here */
static uint64_t scale;        /* atomic: ns per tick << SCALE_BITS; 0: not measured yet */
static int64_t scale_next_ns; /* atomic: when to measure again */

#if defined(__x86_64__)
static inline uint64_t read_counter(void)
{
    return __rdtsc();
}
#define COUNTER_CLOCKSOURCE "tsc"
#elif defined(__aarch64__)
static inline uint64_t read_counter(void)
{
    uint64_t value;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
}
#define COUNTER_CLOCKSOURCE "arch_sys_counter"
#else
static inline uint64_t read_counter(void)
{
    return 0;
}
#define COUNTER_CLOCKSOURCE "\n" /* no such name */
#endif

static bool kernel_uses_counter(void)
{
    char name[64];
    ssize_t got;
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    got = read(fd, name, sizeof(name));
    close(fd);
    if (got <= 0)
        return false;
    if (name[got - 1] == '\n')
        got--;
    return wend_str_eq(wend_str_make(name, (size_t)got), WEND_STR(COUNTER_CLOCKSOURCE));
}

/* One moment on both clocks: of three tries the one in which least time passed between the
 * counter's two readings, so that an interrupt in between does not spoil it. */
static struct pair read_pair(void)
{
    struct pair best = {0};
    uint64_t best_took = UINT64_MAX;

    for (int i = 0; i < 3; i++) {
        uint64_t before = read_counter();
        int64_t now = wend_clock_monotonic_ns();
        uint64_t took = read_counter() - before;

        if (took < best_took) {
            best_took = took;
            best = (struct pair){.ticks = before + took / 2, .ns = now};
        }
    }
    return best;
}

__attribute__((constructor)) static void choose_counter(void)
{
    if (!kernel_uses_counter())
        return;
    birth = read_pair();
    counter_trusted = true;
}

uint64_t wend_clock_ticks(void)
{
    if (WEND_LIKELY(counter_trusted))
        return read_counter();
    return (uint64_t)wend_clock_monotonic_ns();
}

/* Threads may measure at the same time: each result is right, the last one stays. */
static uint64_t measure_scale(void)
{
    struct pair now;
    uint64_t result;
    int64_t span;

    do {
        now = read_pair();
        span = now.ns - birth.ns;
    } while (span < SPAN_FIRST_NS);
    result =
        (uint64_t)(((unsigned __int128)(uint64_t)span << SCALE_BITS) / (now.ticks - birth.ticks));
    __atomic_store_n(&scale_next_ns, span >= SPAN_ENOUGH_NS ? INT64_MAX : span * 2,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&scale, result, __ATOMIC_RELAXED);
    return result;
}

int64_t wend_clock_ticks_to_ns(uint64_t ticks)
{
    uint64_t factor;

    if (!counter_trusted)
        return (int64_t)ticks;
    factor = __atomic_load_n(&scale, __ATOMIC_RELAXED);
    if (WEND_UNLIKELY(factor == 0)) {
        factor = measure_scale();
    } else {
        int64_t due = __atomic_load_n(&scale_next_ns, __ATOMIC_RELAXED);
        uint64_t age = read_counter() - birth.ticks;

        /* In ticks' own measure, so that the usual case asks no clock. */
        if (WEND_UNLIKELY((int64_t)(((unsigned __int128)age * factor) >> SCALE_BITS) > due))
            factor = measure_scale();
    }
    return (int64_t)(((unsigned __int128)ticks * factor) >> SCALE_BITS);
}

/* --- the calendar ------------------------------------------------------------------------ */

struct date {
    int64_t year;
    int month, day; /* 1-12, 1-31 */
    int hour, minute, second;
    int weekday; /* 0 Sunday */
};

static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of a date. Years are counted from March, so that the leap day is the last
 * day of one and 153 days make five months. */
static int64_t days_of_date(int64_t year, int month, int day)
{
    int64_t from_march = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(from_march, 400);
    int64_t year_of_era = from_march - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct date date_of_unix(int64_t unix_s)
{
    int64_t days = floor_div(unix_s, 86400);
    int64_t rest = unix_s - days * 86400;
    int64_t era = floor_div(days + 719468, 146097);
    int64_t day_of_era = days + 719468 - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (int)((5 * day_of_year + 2) / 153);
    struct date date;

    date.day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    date.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    date.year = year_of_era + era * 400 + (date.month <= 2);
    date.hour = (int)(rest / 3600);
    date.minute = (int)(rest / 60 % 60);
    date.second = (int)(rest % 60);
    date.weekday = (int)(((days + 4) % 7 + 7) % 7);
    return date;
}

static char *write_digits(char *at, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

static char *write_text(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len);
    return at + len;
}

static char *write_time(char *at, int hour, int minute, int second)
{
    at = write_digits(at, hour, 2);
    *at++ = ':';
    at = write_digits(at, minute, 2);
    *at++ = ':';
    return write_digits(at, second, 2);
}

/* The years four digits can say. */
#define UNIX_S_FIRST (-INT64_C(62167219200)) /* 0000-01-01 00:00:00 */
#define UNIX_S_LAST INT64_C(253402300799)    /* 9999-12-31 23:59:59 */

static void make_http(int64_t unix_s, char out[WEND_CLOCK_HTTP_LEN + 1])
{
    struct date date;
    char *at = out;

    if (unix_s < UNIX_S_FIRST)
        unix_s = UNIX_S_FIRST;
    if (unix_s > UNIX_S_LAST)
        unix_s = UNIX_S_LAST;
    date = date_of_unix(unix_s);
    at = write_text(at, weekdays[date.weekday]);
    at = write_text(at, ", ");
    at = write_digits(at, date.day, 2);
    *at++ = ' ';
    at = write_text(at, months[date.month - 1]);
    *at++ = ' ';
    at = write_digits(at, date.year, 4);
    *at++ = ' ';
    at = write_time(at, date.hour, date.minute, date.second);
    at = write_text(at, " GMT");
    *at = '\0';
}

/* A server says the same few times again and again: when its files were changed. */
void wend_clock_write_http(int64_t unix_s, char out[WEND_CLOCK_HTTP_LEN + 1])
{
    static _Thread_local struct {
        int64_t unix_s;
        char text[WEND_CLOCK_HTTP_LEN + 1];
    } kept[KEPT_DATES];
    size_t slot = (uint64_t)unix_s % KEPT_DATES;

    if (kept[slot].unix_s != unix_s || kept[slot].text[0] == '\0') {
        make_http(unix_s, kept[slot].text);
        kept[slot].unix_s = unix_s;
    }
    memcpy(out, kept[slot].text, sizeof(kept[slot].text));
}

/* --- parsing ----------------------------------------------------------------------------- */

static bool take_byte(struct wend_str *s, char byte)
{
    if (s->len == 0 || s->ptr[0] != byte)
        return false;
    *s = wend_str_from(*s, 1);
    return true;
}

static bool take_digits(struct wend_str *s, size_t count, int64_t *out)
{
    uint64_t value;

    if (s->len < count || !wend_str_to_u64(wend_str_slice(*s, 0, count), &value))
        return false;
    *s = wend_str_from(*s, count);
    *out = (int64_t)value;
    return true;
}

static bool take_int(struct wend_str *s, size_t count, int *out)
{
    int64_t value;

    if (!take_digits(s, count, &value))
        return false;
    *out = (int)value;
    return true;
}

static bool take_month(struct wend_str *s, int *out)
{
    for (int i = 0; i < 12; i++) {
        if (wend_str_starts(*s, wend_str_make(months[i], 3))) {
            *s = wend_str_from(*s, 3);
            *out = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_time(struct wend_str *s, struct date *date)
{
    return take_int(s, 2, &date->hour) && take_byte(s, ':') && take_int(s, 2, &date->minute) &&
           take_byte(s, ':') && take_int(s, 2, &date->second);
}

/* The day's name says nothing that the date does not; it is skipped, not compared. */
static void skip_letters(struct wend_str *s)
{
    while (s->len > 0 && wend_lower(s->ptr[0]) >= 'a' && wend_lower(s->ptr[0]) <= 'z')
        *s = wend_str_from(*s, 1);
}

/* 06 Nov 1994 08:49:37 GMT */
static bool parse_fixdate(struct wend_str s, struct date *date)
{
    return take_int(&s, 2, &date->day) && take_byte(&s, ' ') && take_month(&s, &date->month) &&
           take_byte(&s, ' ') && take_digits(&s, 4, &date->year) && take_byte(&s, ' ') &&
           take_time(&s, date) && wend_str_eq(s, WEND_STR(" GMT"));
}

/* 06-Nov-94 08:49:37 GMT; a year more than 50 years ahead is in the past (RFC 9110 5.6.7). */
static bool parse_rfc850(struct wend_str s, struct date *date)
{
    int64_t this_year;

    if (!take_int(&s, 2, &date->day) || !take_byte(&s, '-') || !take_month(&s, &date->month) ||
        !take_byte(&s, '-') || !take_digits(&s, 2, &date->year) || !take_byte(&s, ' ') ||
        !take_time(&s, date) || !wend_str_eq(s, WEND_STR(" GMT")))
        return false;
    this_year = date_of_unix(wend_clock_wall_ns() / WEND_NS_PER_S).year;
    date->year += this_year - this_year % 100;
    if (date->year > this_year + 50)
        date->year -= 100;
    return true;
}

/* Nov  6 08:49:37 1994 */
static bool parse_asctime(struct wend_str s, struct date *date)
{
    if (!take_month(&s, &date->month) || !take_byte(&s, ' '))
        return false;
    if (!(take_byte(&s, ' ') ? take_int(&s, 1, &date->day) : take_int(&s, 2, &date->day)))
        return false;
    return take_byte(&s, ' ') && take_time(&s, date) && take_byte(&s, ' ') &&
           take_digits(&s, 4, &date->year) && s.len == 0;
}

static int days_in_month(int64_t year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool is_date(const struct date *date)
{
    return date->day >= 1 && date->day <= days_in_month(date->year, date->month) &&
           date->hour <= 23 && date->minute <= 59 && date->second <= 60;
}

bool wend_clock_parse_http(struct wend_str text, int64_t *unix_s)
{
    struct date date = {0};
    size_t before = text.len;
    bool parsed;

    skip_letters(&text);
    if (text.len == before)
        return false;
    if (take_byte(&text, ',')) {
        if (!take_byte(&text, ' '))
            return false;
        parsed = text.len > 2 && text.ptr[2] == '-' ? parse_rfc850(text, &date)
                                                    : parse_fixdate(text, &date);
    } else {
        parsed = take_byte(&text, ' ') && parse_asctime(text, &date);
    }
    if (!parsed || !is_date(&date))
        return false;
    *unix_s = days_of_date(date.year, date.month, date.day) * 86400 + date.hour * 3600 +
              date.minute * 60 + date.second;
    return true;
}

/* --- texts of the current second --------------------------------------------------------- */

struct texts {
    int64_t second;
    bool made;
    char http[WEND_CLOCK_HTTP_LEN + 1];
    char log[sizeof("2026/11/21 04:18:56")];
    char common[sizeof("21/Nov/2026:04:18:56 +0000")];
    char iso[sizeof("2026-11-21T04:18:56+00:00")];
};

static __thread struct texts texts;

static char *write_offset(char *at, long offset_s, bool colon)
{
    long minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;

    *at++ = offset_s < 0 ? '-' : '+';
    at = write_digits(at, minutes / 60 % 100, 2);
    if (colon)
        *at++ = ':';
    return write_digits(at, minutes % 60, 2);
}

static char *write_day(char *at, const struct tm *tm, char separator)
{
    at = write_digits(at, (tm->tm_year + 1900) % 10000, 4);
    *at++ = separator;
    at = write_digits(at, tm->tm_mon + 1, 2);
    *at++ = separator;
    return write_digits(at, tm->tm_mday, 2);
}

static void write_log(const struct tm *tm, char *at)
{
    at = write_day(at, tm, '/');
    *at++ = ' ';
    *write_time(at, tm->tm_hour, tm->tm_min, tm->tm_sec) = '\0';
}

static void write_iso(const struct tm *tm, char *at)
{
    at = write_day(at, tm, '-');
    *at++ = 'T';
    at = write_time(at, tm->tm_hour, tm->tm_min, tm->tm_sec);
    *write_offset(at, tm->tm_gmtoff, true) = '\0';
}

static void write_common(const struct tm *tm, char *at)
{
    at = write_digits(at, tm->tm_mday, 2);
    *at++ = '/';
    at = write_text(at, months[tm->tm_mon]);
    *at++ = '/';
    at = write_digits(at, (tm->tm_year + 1900) % 10000, 4);
    *at++ = ':';
    at = write_time(at, tm->tm_hour, tm->tm_min, tm->tm_sec);
    *at++ = ' ';
    *write_offset(at, tm->tm_gmtoff, false) = '\0';
}

static const struct texts *texts_of(int64_t wall_ns)
{
    int64_t second = floor_div(wall_ns, WEND_NS_PER_S);
    time_t as_time = (time_t)second;
    struct tm tm;

    if (texts.made && texts.second == second)
        return &texts;
    if (localtime_r(&as_time, &tm) == NULL)
        wend_die("localtime_r() knows no such time");
    wend_clock_write_http(second, texts.http);
    write_log(&tm, texts.log);
    write_common(&tm, texts.common);
    write_iso(&tm, texts.iso);
    texts.second = second;
    texts.made = true;
    return &texts;
}

struct wend_str wend_clock_http_now(int64_t wall_ns)
{
    return wend_str_make(texts_of(wall_ns)->http, WEND_CLOCK_HTTP_LEN);
}

struct wend_str wend_clock_log_now(int64_t wall_ns)
{
    return wend_str_make(texts_of(wall_ns)->log, sizeof(texts.log) - 1);
}

struct wend_str wend_clock_common_now(int64_t wall_ns)
{
    return wend_str_make(texts_of(wall_ns)->common, sizeof(texts.common) - 1);
}

struct wend_str wend_clock_iso_now(int64_t wall_ns)
{
    return wend_str_make(texts_of(wall_ns)->iso, sizeof(texts.iso) - 1);
}
