/* Best-effort readers, rings that are waited for, and rings that aren't at their path any more. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_reader_that_keeps_up_holds_the_producer_back(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_best_effort *reader;
    ringway_producer *producer;
    ringway_event event;
    uint64_t received = 0, lost = 9, next = 0, n;
    uint64_t read = 99;

    CHECK(ringway_create(in_directory(directory, "kept"), &config, NULL, &ring) == 0);
    CHECK(ringway_best_effort_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_LATEST, &reader) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_producer_set_patience(producer, -1) == 0);
    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_NONE, 0) == 0);
    for (n = 0; n < 8; n++) {
        CHECK(ringway_publish(producer, &n, sizeof n, 0, NULL) == 0);
    }
    FAILS(ringway_publish(producer, &n, sizeof n, 0, NULL), RINGWAY_E_FULL, "room");
    for (; n < 20; n++) {
        CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, -1, &read, sizeof read, &event) == 0);
        CHECK(event.kind == RINGWAY_MESSAGE && event.seq == n - 8 && read == n - 8 && event.data == &read);
        CHECK(ringway_publish(producer, &n, sizeof n, 0, NULL) == 0);
    }
    CHECK(ringway_best_effort_position(reader, &received, &lost, &next) == 0);
    CHECK(received == 12 && lost == 0 && next == 12);
    CHECK(ringway_best_effort_position(reader, NULL, NULL, NULL) == 0);
    CHECK(ringway_best_effort_free(reader) == 0);
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
}

static void a_reader_that_is_passed_over_is_told_exactly_what_it_lost(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_best_effort *reader;
    ringway_producer *producer;
    ringway_event event;
    uint64_t received = 0, lost = 0, next = 0, n;
    uint64_t read = 99;

    CHECK(ringway_create(in_directory(directory, "lapped"), &config, NULL, &ring) == 0);
    CHECK(ringway_best_effort_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_OLDEST_SAFE, &reader) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_producer_set_patience(producer, 0) == 0);
    for (n = 0; n < 20; n++) {
        CHECK(ringway_publish(producer, &n, sizeof n, (uint32_t)n, NULL) == 0);
    }
    CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_NONE, 0, &read, sizeof read, &event) == 0);
    CHECK(event.kind == RINGWAY_LAGGED && event.lost == 16);
    FAILS(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, -1, NULL, 0, &event), RINGWAY_E_TOO_SMALL, "8 bytes");
    CHECK(event.len == sizeof read);
    for (n = 16; n < 20; n++) {
        CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, -1, &read, sizeof read, &event) == 0);
        CHECK(event.kind == RINGWAY_MESSAGE && event.seq == n && event.tag == n && read == n);
    }
    CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_NONE, 0, &read, sizeof read, &event) == 0);
    CHECK(event.kind == RINGWAY_EMPTY);
    CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, 1000, &read, sizeof read, &event) == 0);
    CHECK(event.kind == RINGWAY_TIMED_OUT);
    CHECK(ringway_best_effort_position(reader, &received, &lost, &next) == 0);
    CHECK(received == 4 && lost == 16 && next == 20);
    CHECK(ringway_producer_close(producer) == 0);
    CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, -1, &read, sizeof read, &event) == 0);
    CHECK(event.kind == RINGWAY_CLOSED);
    CHECK(ringway_best_effort_free(reader) == 0 && ringway_best_effort_free(NULL) == 0);
    FAILS(ringway_best_effort_recv(reader, RINGWAY_WAIT_NONE, 0, NULL, 0, &event), RINGWAY_E_ARGUMENT, "no best_effort");
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
}

static void its_waits_end_and_its_descriptor_tells(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_best_effort *reader, *another;
    ringway_producer *producer;
    ringway_event event;
    struct pollfd one;

    CHECK(ringway_create(in_directory(directory, "told"), &config, NULL, &ring) == 0);
    FAILS(ringway_best_effort_new(ring, RINGWAY_START_OLDEST, 0, 7, &reader), RINGWAY_E_ARGUMENT, "resume can't be 7");
    CHECK(ringway_best_effort_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_LATEST, &reader) == 0);
    CHECK(ringway_best_effort_new(ring, RINGWAY_START_LATEST, 0, RINGWAY_RESUME_LATEST, &another) == 0);
    CHECK(ringway_best_effort_free(another) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_best_effort_interrupt(reader) == 0);
    FAILS(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, -1, NULL, 0, &event), RINGWAY_E_INTERRUPTED, "interrupted");
    CHECK((one.fd = ringway_best_effort_fd(reader)) >= 0);
    one.events = POLLIN;
    do {
        CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_NONE, 0, NULL, 0, &event) == 0);
    } while (event.kind != RINGWAY_EMPTY);
    CHECK(ringway_publish(producer, NULL, 0, 5, NULL) == 0);
    CHECK(poll(&one, 1, 30000) == 1);
    CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, -1, NULL, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_MESSAGE && event.tag == 5 && event.len == 0);
    CHECK(ringway_best_effort_free(reader) == 0);
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
}

static void a_ring_is_waited_for(const char *directory) {
    ringway_config config = small_ring();
    ringway_options observing = with_flags(RINGWAY_READ_ONLY);
    ringway_ring *ring;
    ringway_info info;
    const char *path = in_directory(directory, "later"), *text = in_directory(directory, "text");
    FILE *file;
    pid_t child;
    int status = 0;

    FAILS(ringway_wait_for(path, NULL, 0, &ring), RINGWAY_E_TIMED_OUT, "no ring came within 0ns");
    FAILS(ringway_wait_for(path, &observing, 1000, &ring), RINGWAY_E_TIMED_OUT, "no such file");
    ringway_interrupt();
    FAILS(ringway_wait_for(path, NULL, -1, &ring), RINGWAY_E_INTERRUPTED, "interrupted");
    CHECK((file = fopen(text, "w")) != NULL && fputs("no ring", file) >= 0 && fclose(file) == 0);
    FAILS(ringway_wait_for(text, NULL, -1, &ring), RINGWAY_E_NOT_A_RING, "ring");
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        CHECK(ringway_create(path, &config, NULL, &ring) == 0);
        _exit(0);
    }
    CHECK(ringway_wait_for(path, NULL, PATIENCE, &ring) == 0);
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    CHECK(ringway_ring_info(ring, &info) == 0 && info.slots == 8);
    CHECK(ringway_free(ring) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_ring_that_is_removed_is_told_of(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring, *memfd;
    ringway_consumer *consumer;
    ringway_best_effort *reader;
    ringway_observer *observer;
    ringway_producer *producer;
    ringway_event event;
    const char *path = in_directory(directory, "orphaned");

    CHECK(ringway_create(path, &config, NULL, &ring) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_best_effort_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_LATEST, &reader) == 0);
    CHECK(ringway_observer_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_LATEST, &observer) == 0);
    CHECK(ringway_is_current(ring) == 1);
    CHECK(unlink(path) == 0);
    CHECK(ringway_is_current(ring) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, &event) == 0);
    CHECK(event.kind == RINGWAY_ORPHANED && event.data == NULL);
    CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, PATIENCE, NULL, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_ORPHANED);
    CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_PARK, PATIENCE, NULL, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_ORPHANED);
    /* It is told once, and the handles go on. */
    CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, &event) == 0);
    CHECK(event.kind == RINGWAY_MESSAGE && ringway_consumer_release(consumer, 0) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, 30000000, &event) == 0);
    CHECK(event.kind == RINGWAY_TIMED_OUT);
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_best_effort_free(reader) == 0);
    CHECK(ringway_observer_free(observer) == 0 && ringway_producer_free(producer) == 0);
    CHECK(ringway_free(ring) == 0);
    CHECK(ringway_memfd_create(&config, NULL, &memfd) == 0);
    CHECK(ringway_is_current(memfd) == 1 && ringway_free(memfd) == 0);
    FAILS(ringway_is_current(NULL), RINGWAY_E_ARGUMENT, "ring is NULL");
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    /* First: it forks, and a child keeps what its parent's sleeper thread had, which valgrind takes for a leak. */
    a_ring_is_waited_for(arguments[1]);
    a_reader_that_keeps_up_holds_the_producer_back(arguments[1]);
    a_reader_that_is_passed_over_is_told_exactly_what_it_lost(arguments[1]);
    its_waits_end_and_its_descriptor_tells(arguments[1]);
    a_ring_that_is_removed_is_told_of(arguments[1]);
    return 0;
}
