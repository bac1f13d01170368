/* One side of a ring whose other side is another process, in Rust or in C:
 *   peer produce PATH COUNT    publishes so many messages, and closes the ring
 *   peer consume PATH          prints how many came, and the sum of their bytes, once the ring is closed
 *   peer hold PATH COUNT       receives so many messages, says so, and holds them until it is killed
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

int main(int count, char **arguments) {
    uint64_t number = count == 4 ? strtoull(arguments[3], NULL, 10) : 0;
    ringway_ring *ring;

    CHECK(count >= 3);
    CHECK(ringway_open(arguments[2], NULL, &ring) == 0);
    if (strcmp(arguments[1], "produce") == 0) {
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
