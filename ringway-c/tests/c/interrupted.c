/* A signal ends a wait, whether it comes before or while the call waits, and nothing is lost by it. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static ringway_consumer *consumer;
static ringway_observer *observer;
static ringway_producer *producer;
static volatile sig_atomic_t which;

static void on_signal(int signal) {
    (void)signal;
    switch (which) {
    case 0: ringway_interrupt(); break;
    case 1: ringway_consumer_interrupt(consumer); break;
    case 2: ringway_observer_interrupt(observer); break;
    default: ringway_producer_interrupt(producer); break;
    }
}

/* Another process sends SIGINT. */
static pid_t signalled(int what) {
    pid_t parent = getpid(), child;
    which = what;
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        kill(parent, SIGINT);
        _exit(0);
    }
    return child;
}

static void ended(pid_t child) {
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A signal handler mustn't allocate. C++ has another declaration of malloc. */
#ifdef __cplusplus
static const unsigned allocations = 0;
#else
extern void *__libc_malloc(size_t size);
static volatile unsigned allocations;

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}
#endif

static void interrupting_allocates_nothing(ringway_ring *ring) {
    ringway_consumer *consumer;
    uint64_t no_handle[8];
    unsigned before;

    memset(no_handle, 0, sizeof no_handle);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_LATEST, 0, &consumer) == 0);
    before = allocations;
    ringway_interrupt();
    CHECK(ringway_consumer_interrupt(consumer) == 0);
    CHECK(ringway_consumer_interrupt(NULL) == -RINGWAY_E_ARGUMENT);
    CHECK(ringway_consumer_interrupt((ringway_consumer *)(void *)no_handle) == -RINGWAY_E_ARGUMENT);
    CHECK(allocations == before);
    CHECK(ringway_consumer_free(consumer) == 0);
}

int main(int count, char **arguments) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_producer *standby;
    ringway_event event;
    ringway_message messages[8];
    struct sigaction action;
    char buffer[48];
    void *bytes;
    pid_t child;
    int32_t way;
    int i;

    CHECK(count == 2);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    /* Even of calls that the kernel goes on with. */
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGINT, &action, NULL) == 0);
    CHECK(ringway_create(in_directory(arguments[1], "interrupted"), &config, NULL, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_observer_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_LATEST, &observer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    for (way = RINGWAY_WAIT_SPIN; way <= RINGWAY_WAIT_ADAPTIVE; way++) {
        child = signalled(1);
        FAILS(ringway_consumer_recv(consumer, way, PATIENCE, &event), RINGWAY_E_INTERRUPTED, "interrupted");
        ended(child);
        child = signalled(2);
        FAILS(ringway_observer_recv(observer, way, PATIENCE, buffer, sizeof buffer, &event), RINGWAY_E_INTERRUPTED,
              "interrupted");
        ended(child);
    }
    /* Once, and no more: the wait after it is one like any other. */
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, 1000, &event) == 0 && event.kind == RINGWAY_TIMED_OUT);
    child = signalled(0);
    FAILS(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, &event), RINGWAY_E_INTERRUPTED, "interrupted");
    FAILS(ringway_observer_recv(observer, RINGWAY_WAIT_PARK, PATIENCE, buffer, sizeof buffer, &event),
          RINGWAY_E_INTERRUPTED, "interrupted");
    ended(child);
    /* A message that is there comes before that. */
    CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    ringway_interrupt();
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0 && event.kind == RINGWAY_MESSAGE);
    FAILS(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, &event), RINGWAY_E_INTERRUPTED, "interrupted");
    child = signalled(0);
    FAILS(ringway_producer_next(ring, PATIENCE, &standby), RINGWAY_E_INTERRUPTED, "interrupted");
    ended(child);
    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_PARK, PATIENCE) == 0);
    CHECK(ringway_producer_interrupt(producer) == 0);
    for (i = 1; i < 8; i++) {
        CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    }
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_INTERRUPTED, "interrupted");
    child = signalled(3);
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_INTERRUPTED, "interrupted");
    ended(child);
    child = signalled(3);
    FAILS(ringway_claim(producer, 1, &bytes), RINGWAY_E_INTERRUPTED, "interrupted");
    ended(child);
    memset(messages, 0, sizeof messages);
    child = signalled(3);
    FAILS(ringway_publish_batch(producer, messages, 8, NULL), RINGWAY_E_INTERRUPTED, "interrupted");
    ended(child);
    for (i = 1; i < 8; i++) {
        CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0 && event.seq == (uint64_t)i);
    }
    CHECK(ringway_consumer_release(consumer, 7) == 0);
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_observer_free(observer) == 0);
    interrupting_allocates_nothing(ring);
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
    return 0;
}
