/*
 * Prints the messages of a ring, of which it loses none, until the producer closes it:
 *
 *     gcc -std=c11 consumer.c -o consumer $(pkg-config --cflags --libs ringway)
 *     ./consumer /dev/shm/lines
 */
#define _POSIX_C_SOURCE 200809L
#include <ringway.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

enum { BATCH = 64 };

/* Ctrl-C ends a wait for messages. */
static void on_signal(int signal) {
    (void)signal;
    ringway_interrupt();
}

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, ringway_last_error());
    return 1;
}

/* Tells of what isn't a message. Whether more is to come. */
static int goes_on(const ringway_event *event) {
    switch (event->kind) {
    case RINGWAY_PRODUCER_LOST:
        fprintf(stderr, "the producer is lost; another one may come\n");
        return 1;
    case RINGWAY_EPOCH_CHANGED:
        fprintf(stderr, "producer %" PRIu64 ", from message %" PRIu64 " on\n", event->epoch, event->first_seq);
        return 1;
    default:
        return event->kind != RINGWAY_CLOSED;
    }
}

int main(int count, char **arguments) {
    ringway_config config = { .struct_size = sizeof config, .slots = 1024, .payload_capacity = 1008 };
    struct sigaction action = { .sa_handler = on_signal };
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_event events[BATCH];
    int32_t came = 0, i = 0, messages;

    if (count != 2) {
        fprintf(stderr, "usage: %s PATH\n", arguments[0]);
        return 2;
    }
    sigaction(SIGINT, &action, NULL);
    if (ringway_open_or_create(arguments[1], &config, NULL, &ring) != 0)
        return failed(arguments[1]);
    if (ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) != 0)
        return failed("taking a consumer's role");
    fprintf(stderr, "joined\n");

    do {
        came = ringway_consumer_recv_batch(consumer, RINGWAY_WAIT_PARK, -1, events, BATCH);
        for (messages = 0; messages < came && events[messages].kind == RINGWAY_MESSAGE; messages++) {
            fwrite(events[messages].data, 1, events[messages].len, stdout);
            putchar('\n');
        }
        /* From here on the producer may overwrite them. */
        if (messages > 0 && ringway_consumer_release(consumer, events[messages - 1].seq) != 0)
            came = -1;
        i = messages;
    } while (came > 0 && (i == came || goes_on(&events[i])));
    if (came < 0)
        failed("receiving");
    if (ringway_consumer_free(consumer) != 0)
        failed("leaving the ring");
    ringway_free(ring);
    return came < 0;
}
