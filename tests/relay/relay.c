/* Consumes one ring and publishes each of its messages into another. Started again after a kill, it goes on behind the
 * last message that the second ring has: it repeats none, and says which ones it couldn't get. */
#include <inttypes.h>
#include <ringway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 6, LEN = 8 * WORDS, BATCH = 256 };

/* Ends the program if a call has failed. */
static void must(int32_t code, const char *what)
{
    if (code < 0) {
        fprintf(stderr, "relay: %s: %s\n", what, ringway_last_error());
        exit(1);
    }
}

/* Word `index` of the message with number `source`: the number itself, then words that look random (splitmix64). */
static uint64_t word_of(uint64_t source, uint64_t index)
{
    if (index == 0) {
        return source;
    }
    uint64_t word = (source * 8 + index) * UINT64_C(0x9E3779B97F4A7C15);
    word = (word ^ (word >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94D049BB133111EB);
    return word ^ (word >> 31);
}

/* Ends the program unless all words follow from the first, which it returns. */
static uint64_t check(const uint64_t words[WORDS], size_t len, uint64_t seq)
{
    for (uint64_t index = 0; index < WORDS; index++) {
        if (len != LEN || words[index] != word_of(words[0], index)) {
            fprintf(stderr, "relay: message %" PRIu64 " holds other bytes\n", seq);
            exit(1);
        }
    }
    return words[0];
}

/* The number after that of the last message in `ring`, whose producer is `producer`. */
static uint64_t next_source(ringway_ring *ring, ringway_producer *producer)
{
    uint64_t next, epoch, words[WORDS] = {0};
    ringway_observer *observer;
    ringway_event event;
    must(ringway_producer_position(producer, &next, &epoch), "the second ring's position");
    if (next == 0) {
        return 0;
    }
    must(ringway_observer_new(ring, RINGWAY_START_AT, next - 1, RINGWAY_RESUME_LATEST, &observer), "an observer");
    must(ringway_observer_recv(observer, RINGWAY_WAIT_NONE, 0, words, LEN, &event), "the last message");
    if (event.kind != RINGWAY_MESSAGE) {
        fprintf(stderr, "relay: message %" PRIu64 " of the second ring isn't there\n", next - 1);
        exit(1);
    }
    must(ringway_observer_free(observer), "free");
    return check(words, event.len, next - 1) + 1;
}

int main(int argc, char **argv)
{
    ringway_ring *from, *to;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event events[BATCH];
    uint64_t messages = 0, sum = 0, in_seq = 0;
    int begun = 0, ready = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: %s FROM TO\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(ringway_open(argv[1], NULL, &from), argv[1]);
    must(ringway_open(argv[2], NULL, &to), argv[2]);
    must(ringway_producer_new(to, &producer), "the producer's role");
    must(ringway_consumer_new(from, RINGWAY_START_OLDEST, 0, &consumer), "a consumer's role");
    uint64_t next = next_source(to, producer);
    printf("{\"joined\": true}\n");

    for (;;) {
        int32_t count = ringway_consumer_recv_batch(consumer, RINGWAY_WAIT_PARK, -1, events, BATCH);
        must(count, "receiving");
        int taken = 0;
        for (int32_t index = 0; index < count; index++) {
            uint64_t words[WORDS], out_seq;
            const ringway_event *event = &events[index];
            if (event->kind == RINGWAY_CLOSED) {
                must(ringway_producer_close(producer), "closing");
                printf("{\"messages\": %" PRIu64 ", \"sum\": %" PRIu64 "}\n", messages, sum);
                return 0;
            }
            if (event->kind != RINGWAY_MESSAGE) {
                continue;
            }
            if (begun && event->seq != in_seq) {
                fprintf(stderr, "relay: message %" PRIu64 " came in the place of %" PRIu64 "\n", event->seq, in_seq);
                return 1;
            }
            in_seq = event->seq + 1;
            begun = 1;
            taken++;
            memcpy(words, event->data, event->len < LEN ? event->len : LEN);
            uint64_t source = check(words, event->len, event->seq), total = 0;
            if (source < next) {
                continue;
            }
            if (!ready) {
                /* Said before it is published: what follows it in the second ring is accounted for. */
                must(ringway_producer_position(producer, &out_seq, &total), "the second ring's position");
                printf("{\"resumed\": {\"seq\": %" PRIu64 ", \"source\": %" PRIu64 "}}\n", out_seq, source);
            }
            must(ringway_publish(producer, words, LEN, event->tag, &out_seq), "publishing");
            if (!ready) {
                ready = 1;
                printf("{\"ready\": %" PRIu64 "}\n", out_seq);
            }
            total = 0;
            for (int word = 0; word < WORDS; word++) {
                total += words[word];
            }
            messages++;
            sum += messages * total;
        }
        /* An event may end the batch: the messages before it are released all the same. */
        if (taken > 0) {
            must(ringway_consumer_release(consumer, in_seq - 1), "releasing");
        }
    }
}
