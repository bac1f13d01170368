/* One side of what is measured, in C:
 *   side count NAME PATH TIMES      so many operations, to be counted; NAME is "pair", "copy" or "loop"
 *   side echo PATH TIMES CORE       sends back what comes
 *   side measure PATH TIMES CORE    sends, waits for the answer, and prints nanoseconds for each round trip
 * The rings are PATH and PATH-back. */
#define _GNU_SOURCE
#include <ringway.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 48 };
static const int64_t PATIENCE = INT64_C(10000000000);

static void check(int32_t answer) {
    if (answer < 0) {
        fprintf(stderr, "%s\n", ringway_last_error());
        exit(1);
    }
}

static ringway_ring *ring_at(const char *path, uint32_t flags) {
    ringway_options options = { .struct_size = sizeof options, .flags = flags };
    ringway_ring *ring;
    check(ringway_open_or_create(path, NULL, &options, &ring));
    return ring;
}

/* What passes through it is looked up anew, as between other work. */
static inline void *anew(void *pointer) {
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

static void count(const char *name, const char *path, uint64_t times) {
    ringway_ring *ring = ring_at(path, strcmp(name, "copy") == 0 ? 0 : RINGWAY_TRUST_PEERS);
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event event;
    char message[SIZE];
    int runs = strcmp(name, "loop") != 0;

    memset(message, 7, sizeof message);
    check(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer));
    check(ringway_producer_new(ring, &producer));
    for (uint64_t i = 0; i < times; i++) {
        ringway_producer *p = (ringway_producer *)anew(producer);
        ringway_consumer *c = (ringway_consumer *)anew(consumer);
        const char *bytes = (const char *)anew(message);
        if (!runs)
            continue;
        check(ringway_publish(p, bytes, SIZE, 0, NULL));
        check(ringway_consumer_recv(c, RINGWAY_WAIT_NONE, 0, &event));
        anew((void *)(uintptr_t)*(const uint64_t *)event.data);
        check(ringway_consumer_release(c, event.seq));
    }
}

static void stay_on(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* Receives a message, releases it, and publishes it. */
static void pass_on(ringway_consumer *from, ringway_producer *to) {
    ringway_event event;
    char message[SIZE];
    do {
        check(ringway_consumer_recv(from, RINGWAY_WAIT_SPIN, PATIENCE, &event));
    } while (event.kind == RINGWAY_EPOCH_CHANGED);
    if (event.kind != RINGWAY_MESSAGE) {
        fprintf(stderr, "event %d in place of a message\n", (int)event.kind);
        exit(1);
    }
    memcpy(message, event.data, SIZE);
    check(ringway_consumer_release(from, event.seq));
    if (to != NULL)
        check(ringway_publish(to, message, SIZE, 0, NULL));
}

static void play(int measures, const char *path, uint64_t times) {
    char back[4096];
    struct timespec from, to;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_ring *there, *here;
    char message[SIZE];

    snprintf(back, sizeof back, "%s-back", path);
    there = ring_at(measures ? path : back, RINGWAY_TRUST_PEERS);
    here = ring_at(measures ? back : path, RINGWAY_TRUST_PEERS);
    check(ringway_consumer_new(here, RINGWAY_START_OLDEST, 0, &consumer));
    check(ringway_producer_new(there, &producer));
    memset(message, 7, sizeof message);
    if (!measures) {
        printf("ready\n");
        fflush(stdout);
        for (uint64_t i = 0; i < times + times / 10; i++)
            pass_on(consumer, producer);
        return;
    }
    for (uint64_t i = 0; i < times + times / 10; i++) {
        /* The first tenth warms everything up. */
        if (i == times / 10)
            clock_gettime(CLOCK_MONOTONIC, &from);
        check(ringway_publish(producer, message, SIZE, 0, NULL));
        pass_on(consumer, NULL);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.2f\n", ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)times);
}

int main(int count_, char **arguments) {
    if (count_ != 5)
        return 2;
    if (strcmp(arguments[1], "count") == 0) {
        count(arguments[2], arguments[3], strtoull(arguments[4], NULL, 10));
    } else {
        stay_on(atoi(arguments[4]));
        play(strcmp(arguments[1], "measure") == 0, arguments[2], strtoull(arguments[3], NULL, 10));
    }
    return 0;
}
