/* Descriptors tell when a handle is worth another try: epoll waits for many, and nothing is lost. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RINGS = 20, COUNT = 500 };

static void wait_for(int fd) {
    struct pollfd one;
    one.fd = fd;
    one.events = POLLIN;
    CHECK(poll(&one, 1, 30000) == 1);
}

/* In another process: the rings in turn, then the end of each. */
static void produce(ringway_ring **rings) {
    ringway_producer *producers[RINGS];
    int i, n;

    for (i = 0; i < RINGS; i++) {
        CHECK(ringway_producer_new(rings[i], &producers[i]) == 0);
    }
    for (n = 0; n < COUNT; n++) {
        for (i = 0; i < RINGS; i++) {
            CHECK(ringway_publish(producers[i], &n, sizeof n, (uint32_t)i, NULL) == 0);
        }
    }
    for (i = 0; i < RINGS; i++) {
        /* Every other one is left open: its consumer is told that the producer is lost. */
        CHECK(i % 2 || ringway_producer_close(producers[i]) == 0);
        CHECK(ringway_producer_free(producers[i]) == 0);
    }
}

static void one_epoll_waits_for_many_rings(void) {
    ringway_config config = small_ring();
    ringway_ring *rings[RINGS];
    ringway_consumer *consumers[RINGS];
    ringway_event event;
    struct epoll_event told[RINGS];
    int next[RINGS], over = 0, status = 0, epoll, i;
    pid_t child;

    CHECK((epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0);
    for (i = 0; i < RINGS; i++) {
        struct epoll_event wanted;
        memset(&wanted, 0, sizeof wanted);
        wanted.events = EPOLLIN;
        wanted.data.u32 = (uint32_t)i;
        next[i] = 0;
        CHECK(ringway_memfd_create(&config, NULL, &rings[i]) == 0);
        CHECK(ringway_consumer_new(rings[i], RINGWAY_START_OLDEST, 0, &consumers[i]) == 0);
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ringway_consumer_fd(consumers[i]), &wanted) == 0);
        CHECK(ringway_consumer_fd(consumers[i]) == ringway_consumer_fd(consumers[i]));
    }
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        FAILS(ringway_consumer_fd(consumers[0]), RINGWAY_E_FORKED, "before a fork");
        produce(rings);
        _exit(0);
    }
    while (over < RINGS) {
        int count = epoll_wait(epoll, told, RINGS, 30000);
        CHECK(count > 0 || (count < 0 && errno == EINTR));
        while (count-- > 0) {
            i = (int)told[count].data.u32;
            do {
                CHECK(ringway_consumer_recv(consumers[i], RINGWAY_WAIT_NONE, 0, &event) == 0);
                if (event.kind == RINGWAY_MESSAGE) {
                    CHECK(event.len == sizeof next[i] && memcmp(event.data, &next[i], sizeof next[i]) == 0);
                    next[i]++;
                    CHECK(ringway_consumer_release(consumers[i], event.seq) == 0);
                }
            } while (event.kind == RINGWAY_MESSAGE || event.kind == RINGWAY_EPOCH_CHANGED);
            if (event.kind != RINGWAY_EMPTY) {
                CHECK(event.kind == (i % 2 ? RINGWAY_PRODUCER_LOST : RINGWAY_CLOSED) && next[i] == COUNT);
                CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, ringway_consumer_fd(consumers[i]), NULL) == 0);
                over++;
            }
        }
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (i = 0; i < RINGS; i++) {
        CHECK(ringway_consumer_free(consumers[i]) == 0 && ringway_free(rings[i]) == 0);
    }
    close(epoll);
}

static void held_messages_dont_keep_the_descriptor_readable(void) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event event;
    uint64_t seq;
    int fd;

    CHECK(ringway_memfd_create(&config, NULL, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK((fd = ringway_consumer_fd(consumer)) >= 0);
    for (seq = 0; seq < 4; seq++) {
        CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0 && event.kind == RINGWAY_EMPTY);
        CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
        do {
            wait_for(fd);
            CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0);
        } while (event.kind == RINGWAY_EMPTY);
        CHECK(event.kind == RINGWAY_MESSAGE && event.seq == seq);
    }
    /* A call that waits by itself leaves the descriptor as it should be. */
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, 1000, &event) == 0 && event.kind == RINGWAY_TIMED_OUT);
    CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    wait_for(fd);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, &event) == 0 && event.seq == 4);
    CHECK(ringway_consumer_release(consumer, 4) == 0);
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
}

static void observers_and_producers_have_descriptors(void) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_observer *observer;
    ringway_producer *producer;
    ringway_event event;
    char buffer[8];
    void *bytes;
    int32_t answer;
    int i;

    CHECK(ringway_memfd_create(&config, NULL, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_observer_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_LATEST, &observer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_observer_fd(observer) >= 0 && ringway_producer_fd(producer) >= 0);
    CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_NONE, 0, buffer, 8, &event) == 0 && event.kind == RINGWAY_EMPTY);
    CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    do {
        wait_for(ringway_observer_fd(observer));
        CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_NONE, 0, buffer, 8, &event) == 0);
    } while (event.kind == RINGWAY_EMPTY);
    CHECK(event.kind == RINGWAY_MESSAGE && event.seq == 0);

    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_NONE, 0) == 0);
    for (i = 1; i < 8; i++) {
        CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    }
    for (i = 0; i < 2; i++) {
        FAILS(i ? ringway_claim(producer, 1, &bytes) : ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_FULL, "");
        CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0);
        CHECK(ringway_consumer_release(consumer, event.seq) == 0);
        do {
            wait_for(ringway_producer_fd(producer));
            answer = ringway_publish(producer, "x", 1, 0, NULL);
        } while (answer == -RINGWAY_E_FULL);
        CHECK(answer == 0);
    }
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_observer_free(observer) == 0);
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
}

static void a_forked_child_takes_no_signal_from_its_parent(void) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_event event;
    int status = 0;
    pid_t child;

    CHECK(ringway_memfd_create(&config, NULL, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    /* It is readable at first. */
    wait_for(ringway_consumer_fd(consumer));
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        FAILS(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event), RINGWAY_E_FORKED, "before a fork");
        FAILS(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, 0, &event), RINGWAY_E_FORKED, "before a fork");
        CHECK(ringway_consumer_free(consumer) == 0);
        /* Not by _exit: valgrind would take what the parent's other threads hold for lost. */
        kill(getpid(), SIGKILL);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    wait_for(ringway_consumer_fd(consumer));
    CHECK(ringway_consumer_free(consumer) == 0);
    CHECK(ringway_free(ring) == 0);
}

int main(void) {
    one_epoll_waits_for_many_rings();
    held_messages_dont_keep_the_descriptor_readable();
    observers_and_producers_have_descriptors();
    a_forked_child_takes_no_signal_from_its_parent();
    return 0;
}
