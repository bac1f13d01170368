/* Handles that were made before a fork belong to the parent. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_consumer *consumer, *own;
    ringway_observer *observer;
    ringway_producer *producer;
    ringway_event event;
    void *bytes;
    char buffer[48];
    pid_t child;
    int status = 0;

    CHECK(count == 2);
    CHECK(ringway_create(in_directory(arguments[1], "forked"), &config, NULL, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_observer_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_LATEST, &observer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_publish(producer, "one", 3, 0, NULL) == 0);
    CHECK(ringway_publish(producer, "two", 3, 0, NULL) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        FAILS(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event), RINGWAY_E_FORKED, "before a fork");
        FAILS(ringway_consumer_message(consumer, 0, &event), RINGWAY_E_FORKED, "before a fork");
        FAILS(ringway_consumer_release(consumer, 0), RINGWAY_E_FORKED, "before a fork");
        FAILS(ringway_observer_recv(observer, RINGWAY_WAIT_PARK, -1, buffer, sizeof buffer, &event), RINGWAY_E_FORKED,
              "before a fork");
        FAILS(ringway_publish(producer, "no", 2, 0, NULL), RINGWAY_E_FORKED, "before a fork");
        FAILS(ringway_claim(producer, 2, &bytes), RINGWAY_E_FORKED, "before a fork");
        FAILS(ringway_producer_close(producer), RINGWAY_E_FORKED, "before a fork");
        /* They can be freed, messages that are held or not, and the ring can be used. */
        CHECK(ringway_consumer_free(consumer) == 0 && ringway_observer_free(observer) == 0);
        CHECK(ringway_producer_free(producer) == 0);
        CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &own) == 0);
        CHECK(ringway_consumer_recv(own, RINGWAY_WAIT_PARK, -1, &event) == 0);
        CHECK(event.len == 3 && memcmp(event.data, "one", 3) == 0);
        CHECK(ringway_consumer_release(own, event.seq) == 0 && ringway_consumer_free(own) == 0);
        CHECK(ringway_free(ring) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* Nothing of that was the parent's. */
    CHECK(ringway_consumer_message(consumer, 0, &event) == 0 && memcmp(event.data, "one", 3) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0 && event.seq == 1);
    CHECK(ringway_publish(producer, "three", 5, 0, NULL) == 0);
    CHECK(ringway_consumer_release(consumer, 1) == 0);
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_observer_free(observer) == 0);
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
    return 0;
}
