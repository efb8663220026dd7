/* net/command_test.c - what a master does when it is told to. */
#include "net/command.c"

#include "net/supervised_test.h"

/* What the master above hears next; 0 when that is nothing for 10 s. */
static int heard(int channel)
{
    enum wend_channel_kind kind;

    for (int tries = 0; tries < 2000; tries++) {
        if (wend_channel_recv(channel, &kind) == WEND_OK)
            return kind;
        usleep(5000);
    }
    return 0;
}

static void winch_sends_workers_away_until_the_next_reload(void **state)
{
    pid_t master = start_master();

    (void)state;
    EVENTUALLY(report->started == 1);
    kill(master, SIGWINCH);
    EVENTUALLY(report->gone == 2);
    assert_int_equal(kill(master, 0), 0);
    kill(master, SIGHUP);
    EVENTUALLY(report->started == 2);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
}

static void a_worker_can_ask_for_a_reload(void **state)
{
    pid_t master;

    (void)state;
    report->behaviour[1] = ASKS_RELOAD;
    master = start_master();
    EVENTUALLY(report->started == 2);
    EVENTUALLY(report->discards == 1);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
    assert_false(logged("[alert]"));
}

/* Starts one that obeys `above`; returns when it serves. *channel is the upper end to it. */
static pid_t start_below(struct wend_worker *above, int *channel)
{
    pid_t master;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    *above = (struct wend_worker){.title = "zygote", .channel = pair[1]};
    upper_end = pair[0];
    options.above = above;
    master = start_master();
    close(pair[1]);
    assert_int_equal(heard(pair[0]), WEND_CHANNEL_READY);
    *channel = pair[0];
    return master;
}

static void a_master_below_another_obeys_and_reports(void **state)
{
    struct wend_worker above;
    int channel;
    pid_t master = start_below(&above, &channel);

    (void)state;
    kill(master, SIGHUP); /* means nothing here */
    kill(master, SIGWINCH);
    assert_int_equal(wend_channel_send(channel, WEND_CHANNEL_REOPEN), WEND_OK);
    EVENTUALLY(report->reopened == 1 && report->workers_reopened == 2);
    assert_int_equal(report->loads, 1);
    assert_int_equal(report->drained, 0);
    assert_int_equal(wend_channel_send(channel, WEND_CHANNEL_DRAIN), WEND_OK);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->drained, 2);
    close(channel);
}

static void a_master_below_drains_when_the_one_above_dies(void **state)
{
    struct wend_worker above;
    int channel;
    pid_t master = start_below(&above, &channel);

    (void)state;
    close(channel);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->drained, 2);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        SUPERVISED(winch_sends_workers_away_until_the_next_reload),
        SUPERVISED(a_worker_can_ask_for_a_reload),
        SUPERVISED(a_master_below_another_obeys_and_reports),
        SUPERVISED(a_master_below_drains_when_the_one_above_dies),
    };

    wend_title_init(argc, argv);
    return run_supervised("net.command", tests, WEND_COUNT(tests));
}
