/* One side of a ring whose other side is another process, in Rust or in C:
 *   peer produce PATH COUNT    publishes so many messages, and closes the ring
 *   peer consume PATH          prints how many came, and the sum of their bytes, once the ring is closed
 *   peer hold PATH COUNT       receives so many messages, says so, and holds them until it is killed
 *   peer across PATH WAY       holds messages while others are skipped, in a ring of 8 that begins at 100: copies of
 *                              them (0), the slots themselves (1), or copies that are filled after the release (2)
 * A message of sequence s has s % 48 + 1 bytes, each of them s % 251, and the tag s % 7. */
#include "check.h"

#include <unistd.h>

static void produce(ringway_ring *ring, uint64_t count) {
    ringway_producer *producer;
    unsigned char message[48];
    void *bytes;
    uint64_t s;

    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_producer_require_readers(producer, 1) == 0);
    for (s = 0; s < count; s++) {
        size_t length = (size_t)(s % 48) + 1;
        memset(message, (int)(s % 251), length);
        if (s % 3 == 0) {
            CHECK(ringway_claim(producer, length, &bytes) == 0);
            memcpy(bytes, message, length);
            CHECK(ringway_commit(producer, length, (uint32_t)(s % 7)) == 0);
        } else {
            CHECK(ringway_publish(producer, message, length, (uint32_t)(s % 7), NULL) == 0);
        }
    }
    CHECK(ringway_producer_close(producer) == 0 && ringway_producer_free(producer) == 0);
}

static void consume(ringway_ring *ring) {
    ringway_consumer *consumer;
    ringway_event events[32];
    uint64_t next = 0, sum = 0;

    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    printf("joined\n");
    fflush(stdout);
    for (;;) {
        int32_t i, came = ringway_consumer_recv_batch(consumer, RINGWAY_WAIT_PARK, PATIENCE, events, 32);
        CHECK(came > 0);
        for (i = 0; i < came && events[i].kind == RINGWAY_MESSAGE; i++, next++) {
            const unsigned char *bytes = (const unsigned char *)events[i].data;
            size_t j;
            CHECK(events[i].seq == next && events[i].tag == next % 7 && events[i].len == next % 48 + 1);
            for (j = 0; j < events[i].len; j++) {
                CHECK(bytes[j] == next % 251);
                sum += bytes[j];
            }
        }
        if (i > 0) {
            CHECK(ringway_consumer_release(consumer, next - 1) == 0);
        }
        if (i == came) {
            continue;
        }
        if (events[i].kind == RINGWAY_CLOSED) {
            break;
        }
        CHECK(events[i].kind == RINGWAY_EPOCH_CHANGED);
    }
    printf("%llu %llu\n", (unsigned long long)next, (unsigned long long)sum);
    CHECK(ringway_consumer_free(consumer) == 0);
}

static void hold(ringway_ring *ring, uint64_t count) {
    ringway_consumer *consumer;
    ringway_event event;
    uint64_t held;

    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    printf("joined\n");
    fflush(stdout);
    for (held = 0; held < count; held++) {
        CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, &event) == 0);
        CHECK(event.kind == RINGWAY_MESSAGE);
    }
    printf("holds\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

/* Receives what comes after all that was skipped. Returns how many sequences that were. */
static uint64_t receive(ringway_consumer *consumer, ringway_event *event, int32_t *answer) {
    uint64_t lost = 0;
    for (;;) {
        *answer = ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, event);
        if (*answer != 0 || event->kind != RINGWAY_LAGGED) {
            return lost;
        }
        lost += event->lost;
    }
}

static void is_held(const ringway_event *event) {
    const unsigned char *bytes = (const unsigned char *)event->data;
    size_t j;
    CHECK(event->kind == RINGWAY_MESSAGE && event->len == event->seq % 48 + 1);
    for (j = 0; j < event->len; j++) {
        CHECK(bytes[j] == event->seq % 251);
    }
}

/* Message 100, three that are skipped, message 104, fifteen that are skipped, message 120. */
static void across(ringway_ring *ring) {
    ringway_consumer *consumer;
    ringway_event first, second, event;
    uint64_t oldest, next;
    int32_t answer;

    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    printf("joined\n");
    fflush(stdout);
    CHECK(receive(consumer, &first, &answer) == 0 && answer == 0 && first.seq == 100);
    CHECK(receive(consumer, &second, &answer) == 3 && answer == 0 && second.seq == 104);
    FAILS(ringway_consumer_message(consumer, 102, &event), RINGWAY_E_ARGUMENT, "isn't held");
    CHECK(ringway_consumer_position(consumer, &oldest, &next) == 0 && oldest == 100 && next == 105);
    /* Two messages and six that were skipped take all slots. */
    CHECK(receive(consumer, &event, &answer) == 3 && answer == -RINGWAY_E_HELD);
    CHECK(strstr(ringway_last_error(), "holds all 8 slots") != NULL);
    FAILS(ringway_consumer_free(consumer), RINGWAY_E_HELD, "release");
    is_held(&first);
    is_held(&second);
    CHECK(ringway_consumer_release(consumer, 100) == 0);
    CHECK(ringway_consumer_position(consumer, &oldest, &next) == 0 && oldest == 104 && next == 108);
    CHECK(receive(consumer, &event, &answer) == 4 && answer == -RINGWAY_E_HELD);
    is_held(&second);
    CHECK(ringway_consumer_release(consumer, 104) == 0);
    CHECK(ringway_consumer_position(consumer, &oldest, &next) == 0 && oldest == 112 && next == 112);
    CHECK(receive(consumer, &event, &answer) == 8 && answer == 0 && event.seq == 120);
    is_held(&event);
    CHECK(ringway_consumer_release(consumer, 120) == 0);
    CHECK(receive(consumer, &event, &answer) == 0 && answer == 0 && event.kind == RINGWAY_CLOSED);
    CHECK(ringway_consumer_free(consumer) == 0);
}

int main(int count, char **arguments) {
    uint64_t number = count == 4 ? strtoull(arguments[3], NULL, 10) : 0;
    int is_across = count == 4 && strcmp(arguments[1], "across") == 0;
    static const uint32_t ways[] = {0, RINGWAY_TRUST_PEERS, RINGWAY_POISON};
    ringway_options options = with_flags(is_across ? ways[number % 3] : 0);
    ringway_ring *ring;

    CHECK(count >= 3);
    CHECK(ringway_open(arguments[2], &options, &ring) == 0);
    if (is_across) {
        across(ring);
    } else if (strcmp(arguments[1], "produce") == 0) {
        produce(ring, number);
    } else if (strcmp(arguments[1], "consume") == 0) {
        consume(ring);
    } else {
        CHECK(strcmp(arguments[1], "hold") == 0);
        hold(ring, number);
    }
    CHECK(ringway_free(ring) == 0);
    return 0;
}
