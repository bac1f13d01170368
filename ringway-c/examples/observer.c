/*
 * Prints what a ring holds and what is published to it, until its producer closes it:
 *
 *     gcc -std=c11 -I ringway-c/include ringway-c/examples/observer.c -o observer
 *     ./observer /dev/shm/quotes
 *
 * It needs nothing but two headers' folders: no library, no lock, no right to write the file.
 */
#include "ringway_observer.h"

int main(int count, char **arguments) {
    rwobs_observer ring;
    rwobs_event event;
    char *text;
    int32_t code;
    if (count != 2) {
        fprintf(stderr, "usage: %s PATH\n", arguments[0]);
        return 2;
    }
    if (rwobs_open(&ring, arguments[1], NULL) != 0) {
        fprintf(stderr, "%s\n", ring.error);
        return 1;
    }
    fprintf(stderr, "from message %" PRIu64 "\n", ring.start);
    text = (char *)malloc(ring.ring.payload_capacity + 1);
    do {
        code = text == NULL ? -RWOBS_E_SYSTEM
                            : rwobs_recv(&ring, text, (size_t)ring.ring.payload_capacity, -1, &event);
        if (code != 0)
            break;
        switch (event.kind) {
        case RWOBS_MESSAGE:
            fwrite(text, 1, event.len, stdout);
            putchar('\n');
            break;
        case RWOBS_LAGGED:
            fprintf(stderr, "lost %" PRIu64 " messages\n", event.lost);
            break;
        case RWOBS_EPOCH_CHANGED:
            fprintf(stderr, "a new producer, from message %" PRIu64 "\n", event.first_seq);
            break;
        case RWOBS_PRODUCER_LOST:
            fprintf(stderr, "the producer is lost; another one may come\n");
            break;
        default:
            break;
        }
    } while (event.kind != RWOBS_CLOSED);
    if (code != 0)
        fprintf(stderr, "%s\n", text == NULL ? "no memory" : ring.error);
    fprintf(stderr, "received %" PRIu64 ", lost %" PRIu64 "\n", ring.received, ring.lost);
    free(text);
    rwobs_close(&ring);
    return code != 0;
}
