/* What a program does wrong is told, and never a crash. */
#include "check.h"

static ringway_ring *ring;

/* A pointer is one thing to C and another to C++. */
#define AS_CONSUMER(pointer) ((ringway_consumer *)(void *)(pointer))
#define AS_PRODUCER(pointer) ((ringway_producer *)(void *)(pointer))

static void pointers_to_nothing_are_refused(const char *directory) {
    const char *path = in_directory(directory, "null");
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_observer *observer;
    ringway_event event;
    ringway_ring *other;

    FAILS(ringway_create(NULL, NULL, NULL, &other), RINGWAY_E_ARGUMENT, "path is NULL");
    FAILS(ringway_create(path, NULL, NULL, NULL), RINGWAY_E_ARGUMENT, "out is NULL");
    FAILS(ringway_open(NULL, NULL, &other), RINGWAY_E_ARGUMENT, "path is NULL");
    FAILS(ringway_open_or_create(NULL, NULL, NULL, &other), RINGWAY_E_ARGUMENT, "path is NULL");
    FAILS(ringway_memfd_create(NULL, NULL, NULL), RINGWAY_E_ARGUMENT, "out is NULL");
    FAILS(ringway_memfd_open(-1, NULL, &other), RINGWAY_E_ARGUMENT, "fd can't be -1");
    FAILS(ringway_memfd_open(1000000, NULL, &other), RINGWAY_E_OS, "descriptor 1000000");
    FAILS(ringway_memfd_fd(NULL), RINGWAY_E_ARGUMENT, "ring is NULL");
    FAILS(ringway_memfd_fd(ring), RINGWAY_E_ARGUMENT, "not in a memfd");
    FAILS(ringway_memfd_fd_read_only(ring), RINGWAY_E_ARGUMENT, "not in a memfd");
    FAILS(ringway_remove(NULL), RINGWAY_E_ARGUMENT, "path is NULL");
    FAILS(ringway_ring_info(ring, NULL), RINGWAY_E_ARGUMENT, "ringway_info is NULL");
    FAILS(ringway_ring_stats(ring, NULL), RINGWAY_E_ARGUMENT, "ringway_stats is NULL");
    FAILS(ringway_consumer_new(NULL, 0, 0, &consumer), RINGWAY_E_ARGUMENT, "ring is NULL");
    FAILS(ringway_consumer_new(ring, 0, 0, NULL), RINGWAY_E_ARGUMENT, "out is NULL");
    FAILS(ringway_observer_new(NULL, 0, 0, 0, &observer), RINGWAY_E_ARGUMENT, "ring is NULL");
    FAILS(ringway_producer_new(NULL, &producer), RINGWAY_E_ARGUMENT, "ring is NULL");
    FAILS(ringway_producer_new_typed(ring, NULL, 1, 1, &producer), RINGWAY_E_ARGUMENT, "type_name is NULL");
    FAILS(ringway_producer_new_typed(ring, "\xff", 1, 1, &producer), RINGWAY_E_ARGUMENT, "isn't UTF-8");
    FAILS(ringway_consumer_recv(NULL, 0, 0, &event), RINGWAY_E_ARGUMENT, "consumer is NULL");
    FAILS(ringway_observer_recv(NULL, 0, 0, NULL, 0, &event), RINGWAY_E_ARGUMENT, "observer is NULL");
    FAILS(ringway_publish(NULL, "x", 1, 0, NULL), RINGWAY_E_ARGUMENT, "producer is NULL");
    FAILS(ringway_consumer_release(NULL, 0), RINGWAY_E_ARGUMENT, "consumer is NULL");
    CHECK(ringway_consumer_interrupt(NULL) == -RINGWAY_E_ARGUMENT);
    CHECK(ringway_free(NULL) == 0 && ringway_consumer_free(NULL) == 0);
    CHECK(ringway_observer_free(NULL) == 0 && ringway_producer_free(NULL) == 0);
}

static void structures_of_another_size_are_refused(const char *directory) {
    const char *path = in_directory(directory, "sizes");
    struct {
        ringway_config known;
        uint64_t newer[2];
    } larger;
    ringway_config config = small_ring();
    ringway_options options = with_flags(0);
    ringway_info info;
    ringway_ring *other;

    config.struct_size = 0;
    FAILS(ringway_create(path, &config, NULL, &other), RINGWAY_E_ARGUMENT, "struct_size of ringway_config is 0");
    config.struct_size = 71;
    FAILS(ringway_create(path, &config, NULL, &other), RINGWAY_E_ARGUMENT, "is 71, expected 72");
    config.struct_size = UINT64_MAX;
    FAILS(ringway_create(path, &config, NULL, &other), RINGWAY_E_ARGUMENT, "expected 72 to 4096");
    options.struct_size = 8;
    FAILS(ringway_open(path, &options, &other), RINGWAY_E_ARGUMENT, "struct_size of ringway_options is 8");
    memset(&info, 0, sizeof info);
    FAILS(ringway_ring_info(ring, &info), RINGWAY_E_ARGUMENT, "struct_size of ringway_info is 0");
    /* A program of a later version may leave zero what this one doesn't know. */
    memset(&larger, 0, sizeof larger);
    larger.known = small_ring();
    larger.known.struct_size = sizeof larger;
    larger.newer[1] = 1;
    FAILS(ringway_create(path, &larger.known, NULL, &other), RINGWAY_E_ARGUMENT, "byte 88 isn't zero");
    larger.newer[1] = 0;
    CHECK(ringway_create(path, &larger.known, NULL, &other) == 0 && ringway_free(other) == 0);
}

static void numbers_that_mean_nothing_are_refused(const char *directory) {
    const char *path = in_directory(directory, "numbers");
    ringway_config config = small_ring();
    ringway_options options = with_flags(1u << 30);
    ringway_consumer *consumer;
    ringway_observer *observer;
    ringway_producer *producer;
    ringway_message message;
    ringway_event event;
    ringway_ring *other;
    /* As a negative length becomes. */
    volatile size_t too_long = (size_t)-1;

    FAILS(ringway_create(path, NULL, &options, &other), RINGWAY_E_ARGUMENT, "0x40000000 mean nothing here");
    options.flags = RINGWAY_READ_ONLY;
    FAILS(ringway_memfd_create(NULL, &options, &other), RINGWAY_E_ARGUMENT, "rings in files");
    config.slots = 7;
    FAILS(ringway_create(path, &config, NULL, &other), RINGWAY_E_ARGUMENT, "7");
    config = small_ring();
    config.stride = 9;
    FAILS(ringway_create(path, &config, NULL, &other), RINGWAY_E_ARGUMENT, "stride can't be 9");
    config = small_ring();
    config.can_skip = 2;
    FAILS(ringway_create(path, &config, NULL, &other), RINGWAY_E_ARGUMENT, "can_skip can't be 2");
    FAILS(ringway_consumer_new(ring, 17, 0, &consumer), RINGWAY_E_ARGUMENT, "start can't be 17");
    FAILS(ringway_observer_new(ring, 0, 0, 17, &observer), RINGWAY_E_ARGUMENT, "resume can't be 17");
    CHECK(ringway_consumer_new(ring, RINGWAY_START_LATEST, 0, &consumer) == 0);
    FAILS(ringway_consumer_recv(consumer, 17, 0, &event), RINGWAY_E_ARGUMENT, "wait can't be 17");
    FAILS(ringway_consumer_recv(consumer, 0, 0, NULL), RINGWAY_E_ARGUMENT, "out is NULL");
    FAILS(ringway_consumer_recv_batch(consumer, 0, 0, &event, 0), RINGWAY_E_ARGUMENT, "max is 0");
    CHECK(ringway_consumer_free(consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    FAILS(ringway_producer_set_wait(producer, -1, 0), RINGWAY_E_ARGUMENT, "wait can't be -1");
    FAILS(ringway_publish(producer, NULL, 5, 0, NULL), RINGWAY_E_ARGUMENT, "5 bytes are said to be there");
    FAILS(ringway_publish_batch(producer, NULL, 5, NULL), RINGWAY_E_ARGUMENT, "messages is NULL");
    FAILS(ringway_claim(producer, 5, NULL), RINGWAY_E_ARGUMENT, "data is NULL");
    FAILS(ringway_publish(producer, "x", too_long, 0, NULL), RINGWAY_E_ARGUMENT, "data is said to have 1844674407");
    memset(&message, 0, sizeof message);
    FAILS(ringway_publish_batch(producer, &message, too_long, NULL), RINGWAY_E_ARGUMENT, "messages is said to have 1844674407");
    FAILS(ringway_publish_batch(producer, &message, too_long >> 8, NULL), RINGWAY_E_NO_MEMORY, "a batch of 72057");
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_observer_new(ring, 0, 0, 0, &observer) == 0);
    FAILS(ringway_observer_recv(observer, 0, 0, NULL, 5, &event), RINGWAY_E_ARGUMENT, "buffer is NULL");
    FAILS(ringway_observer_recv(observer, 0, 0, &event, too_long, &event), RINGWAY_E_ARGUMENT, "buffer is said to have 1844674407");
    CHECK(ringway_observer_free(observer) == 0);
}

static void handles_that_are_freed_or_of_another_kind_are_refused(void) {
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_observer *observer;
    ringway_event event;
    uint64_t no_handle[64];
    int i;

    CHECK(ringway_consumer_new(ring, RINGWAY_START_LATEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_observer_new(ring, RINGWAY_START_LATEST, 0, RINGWAY_RESUME_LATEST, &observer) == 0);
    FAILS(ringway_publish(AS_PRODUCER(consumer), "x", 1, 0, NULL), RINGWAY_E_ARGUMENT, "no producer");
    FAILS(ringway_consumer_recv(AS_CONSUMER(producer), 0, 0, &event), RINGWAY_E_ARGUMENT, "no consumer");
    FAILS(ringway_consumer_free(AS_CONSUMER(observer)), RINGWAY_E_ARGUMENT, "no consumer");
    memset(no_handle, 0, sizeof no_handle);
    FAILS(ringway_consumer_recv(AS_CONSUMER(no_handle), 0, 0, &event), RINGWAY_E_ARGUMENT, "no consumer");
    CHECK(ringway_consumer_interrupt(AS_CONSUMER(no_handle)) == -RINGWAY_E_ARGUMENT);
    FAILS(ringway_consumer_recv(AS_CONSUMER((char *)consumer + 1), 0, 0, &event), RINGWAY_E_ARGUMENT, "not aligned");

    CHECK(ringway_consumer_free(consumer) == 0);
    FAILS(ringway_consumer_free(consumer), RINGWAY_E_ARGUMENT, "it is freed");
    FAILS(ringway_consumer_recv(consumer, 0, 0, &event), RINGWAY_E_ARGUMENT, "it is freed");
    FAILS(ringway_consumer_release(consumer, 0), RINGWAY_E_ARGUMENT, "it is freed");
    CHECK(ringway_producer_free(producer) == 0);
    FAILS(ringway_producer_free(producer), RINGWAY_E_ARGUMENT, "it is freed");
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_ARGUMENT, "it is freed");
    CHECK(ringway_observer_free(observer) == 0);
    FAILS(ringway_observer_free(observer), RINGWAY_E_ARGUMENT, "it is freed");
    FAILS(ringway_observer_recv(observer, 0, 0, NULL, 0, &event), RINGWAY_E_ARGUMENT, "it is freed");
    /* The address stays nobody's for a while. */
    for (i = 0; i < 64; i++) {
        ringway_consumer *other;
        CHECK(ringway_consumer_new(ring, RINGWAY_START_LATEST, 0, &other) == 0 && other != consumer);
        CHECK(ringway_consumer_free(other) == 0);
        FAILS(ringway_consumer_free(consumer), RINGWAY_E_ARGUMENT, "it is freed");
    }
}

static void messages_are_released_in_order(void) {
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event event;
    uint64_t first = 0;
    int i;

    CHECK(ringway_consumer_new(ring, RINGWAY_START_LATEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    for (i = 0; i < 3; i++) {
        CHECK(ringway_publish(producer, "x", 1, 0, i == 0 ? &first : NULL) == 0);
        CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0);
    }
    FAILS(ringway_consumer_release(consumer, first + 3), RINGWAY_E_ARGUMENT, "isn't held");
    CHECK(ringway_consumer_release(consumer, first + 1) == 0);
    FAILS(ringway_consumer_release(consumer, first), RINGWAY_E_ARGUMENT, "isn't held");
    FAILS(ringway_consumer_release(consumer, first + 1), RINGWAY_E_ARGUMENT, "isn't held");
    FAILS(ringway_consumer_release(consumer, UINT64_MAX), RINGWAY_E_ARGUMENT, "isn't held");
    FAILS(ringway_consumer_message(consumer, first + 3, &event), RINGWAY_E_ARGUMENT, "isn't held");
    FAILS(ringway_consumer_skip(consumer, 1, NULL), RINGWAY_E_HELD, "holds messages");
    FAILS(ringway_consumer_free(consumer), RINGWAY_E_HELD, "holds messages");
    CHECK(ringway_consumer_release(consumer, first + 2) == 0);
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_producer_free(producer) == 0);
}

/* Bytes that are read too late are another message's, or the poison, and no crash. */
static void released_bytes_can_be_read(const char *directory, uint32_t flags) {
    enum { LENGTH = 1 << 20 };
    ringway_config config = small_ring();
    ringway_options options = with_flags(flags);
    ringway_ring *large;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event event;
    const unsigned char *late[16];
    unsigned sum = 0;
    void *bytes;
    int i;

    config.payload_capacity = LENGTH;
    CHECK(ringway_open_or_create(in_directory(directory, "large"), &config, &options, &large) == 0);
    CHECK(ringway_consumer_new(large, RINGWAY_START_LATEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(large, &producer) == 0);
    for (i = 0; i < 16; i++) {
        /* Longer and longer: buffers that hold copies have to grow. */
        size_t length = (size_t)LENGTH >> (15 - i);
        CHECK(ringway_claim(producer, length, &bytes) == 0);
        memset(bytes, i, length);
        CHECK(ringway_commit(producer, length, 0) == 0);
        CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0 && event.len == length);
        late[i] = (const unsigned char *)event.data;
        CHECK(late[i][0] == i && late[i][length - 1] == i);
        CHECK(ringway_consumer_release(consumer, event.seq) == 0);
    }
    for (i = 0; i < 16; i++) {
        size_t length = (size_t)LENGTH >> (15 - i);
        sum += late[i][0] + late[i][length - 1];
        if (flags & RINGWAY_POISON) {
            CHECK(late[i][0] == RINGWAY_POISON_BYTE && late[i][length - 1] == RINGWAY_POISON_BYTE);
        }
    }
    CHECK(sum != 1);
    CHECK(ringway_consumer_free(consumer) == 0 && ringway_producer_free(producer) == 0);
    CHECK(ringway_free(large) == 0);
}

int main(int count, char **arguments) {
    ringway_config config = small_ring();
    ringway_ring *late;
    ringway_info info;

    CHECK(count == 2);
    CHECK(ringway_create(in_directory(arguments[1], "ring"), &config, NULL, &ring) == 0);
    pointers_to_nothing_are_refused(arguments[1]);
    structures_of_another_size_are_refused(arguments[1]);
    numbers_that_mean_nothing_are_refused(arguments[1]);
    handles_that_are_freed_or_of_another_kind_are_refused();
    messages_are_released_in_order();
    released_bytes_can_be_read(arguments[1], 0);
    released_bytes_can_be_read(arguments[1], RINGWAY_TRUST_PEERS);
    released_bytes_can_be_read(arguments[1], RINGWAY_POISON);
    late = ring;
    CHECK(ringway_free(ring) == 0);
    FAILS(ringway_free(late), RINGWAY_E_ARGUMENT, "it is freed");
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    FAILS(ringway_ring_info(late, &info), RINGWAY_E_ARGUMENT, "it is freed");
    return 0;
}
