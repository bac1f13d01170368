/*
 * Publishes the lines of its standard input to a ring, which it makes if there is none:
 *
 *     gcc -std=c11 producer.c -o producer $(pkg-config --cflags --libs ringway)
 *     ./producer /dev/shm/lines <a-file
 */
#define _POSIX_C_SOURCE 200809L
#include <ringway.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Ctrl-C ends a wait for room. */
static void on_signal(int signal) {
    (void)signal;
    ringway_interrupt();
}

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, ringway_last_error());
    return 1;
}

int main(int count, char **arguments) {
    ringway_config config = { .struct_size = sizeof config, .slots = 1024, .payload_capacity = 1008 };
    struct sigaction action = { .sa_handler = on_signal };
    ringway_ring *ring;
    ringway_producer *producer;
    int32_t answer = 0;
    void *slot;

    if (count != 2) {
        fprintf(stderr, "usage: %s PATH\n", arguments[0]);
        return 2;
    }
    sigaction(SIGINT, &action, NULL);
    if (ringway_open_or_create(arguments[1], &config, NULL, &ring) != 0)
        return failed(arguments[1]);
    if (ringway_producer_new(ring, &producer) != 0)
        return failed("taking the producer's role");

    for (;;) {
        /* The line is written where it will lie, and published without another copy if the peers are trusted. */
        answer = ringway_claim(producer, 1008, &slot);
        if (answer != 0)
            break;
        if (fgets(slot, 1008, stdin) == NULL) {
            ringway_abandon(producer);
            break;
        }
        answer = ringway_commit(producer, strcspn(slot, "\n"), 0);
        if (answer != 0)
            break;
    }
    if (answer != 0)
        failed("publishing");
    /* Readers that have read everything see that there is no more to come. */
    if (ringway_producer_close(producer) != 0)
        answer = failed("closing the ring");
    ringway_producer_free(producer);
    ringway_free(ring);
    return answer != 0;
}
