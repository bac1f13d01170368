/* A signal ends a wait, whether it comes before or while the call waits, and nothing is lost by it. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static ringway_consumer *consumer;
static ringway_observer *observer;
static ringway_producer *producer;
static ringway_canceller *canceller;
static volatile sig_atomic_t which;

static void on_signal(int signal) {
    (void)signal;
    switch (which) {
    case 0: ringway_interrupt(); break;
    case 1: ringway_consumer_interrupt(consumer); break;
    case 2: ringway_observer_interrupt(observer); break;
    case 4: ringway_canceller_cancel(canceller); break;
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

/* The consumer has released everything. */
static void a_canceller_ends_a_wait_once(ringway_ring *ring) {
    ringway_best_effort *reader;
    ringway_observer *latest;
    ringway_event event;
    unsigned before;
    pid_t child;
    int i;

    /* What was meant for all handles, and ended the wait of another. */
    FAILS(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, 1000, &event), RINGWAY_E_INTERRUPTED, "interrupted");
    CHECK(ringway_consumer_canceller(consumer, &canceller) == 0);
    child = signalled(4);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, PATIENCE, &event) == 0);
    CHECK(event.kind == RINGWAY_CANCELLED);
    ended(child);
    before = allocations;
    CHECK(ringway_canceller_cancel(canceller) == 0 && ringway_canceller_cancel(canceller) == 0);
    CHECK(ringway_canceller_cancel(NULL) == -RINGWAY_E_ARGUMENT);
    CHECK(allocations == before);
    /* What doesn't wait leaves it; a message comes before it; several are one. */
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0 && event.kind == RINGWAY_EMPTY);
    CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0 && event.kind == RINGWAY_MESSAGE);
    CHECK(ringway_consumer_release(consumer, event.seq) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0 && event.kind == RINGWAY_CANCELLED);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, 1000, &event) == 0 && event.kind == RINGWAY_TIMED_OUT);
    CHECK(ringway_canceller_free(canceller) == 0 && ringway_canceller_free(NULL) == 0);
    CHECK(ringway_canceller_cancel(canceller) == -RINGWAY_E_ARGUMENT);

    CHECK(ringway_best_effort_new(ring, RINGWAY_START_LATEST, 0, RINGWAY_RESUME_LATEST, &reader) == 0);
    CHECK(ringway_best_effort_canceller(reader, &canceller) == 0 && ringway_canceller_cancel(canceller) == 0);
    CHECK(ringway_best_effort_recv(reader, RINGWAY_WAIT_PARK, -1, NULL, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_CANCELLED);
    /* It may outlive its handle. */
    CHECK(ringway_best_effort_free(reader) == 0 && ringway_canceller_cancel(canceller) == 0);
    CHECK(ringway_canceller_free(canceller) == 0);

    CHECK(ringway_observer_new(ring, RINGWAY_START_LATEST, 0, RINGWAY_RESUME_LATEST, &latest) == 0);
    CHECK(ringway_observer_canceller(latest, &canceller) == 0 && ringway_canceller_cancel(canceller) == 0);
    CHECK(ringway_observer_recv(latest, RINGWAY_WAIT_PARK, -1, NULL, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_CANCELLED);
    CHECK(ringway_canceller_free(canceller) == 0 && ringway_observer_free(latest) == 0);

    CHECK(ringway_producer_canceller(producer, &canceller) == 0 && ringway_canceller_cancel(canceller) == 0);
    for (i = 0; i < 8; i++) {
        CHECK(ringway_publish(producer, "x", 1, 0, NULL) == 0);
    }
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_INTERRUPTED, "cancel");
    child = signalled(4);
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_INTERRUPTED, "cancel");
    ended(child);
    CHECK(ringway_canceller_free(canceller) == 0);
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
    a_canceller_ends_a_wait_once(ring);
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_observer_free(observer) == 0);
    interrupting_allocates_nothing(ring);
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
    return 0;
}
