/* Each function does what it says. */
#include "check.h"

#include <unistd.h>

static void messages_are_held_until_released(const char *directory, uint32_t flags) {
    ringway_config config = small_ring();
    ringway_options options = with_flags(flags);
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event first, second, event;
    uint64_t seq = 99, oldest = 0, next = 0;
    const char *path = in_directory(directory, "held");

    CHECK(ringway_create(path, &config, &options, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_EMPTY && event.data == NULL);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_YIELD, 1000, &event) == 0);
    CHECK(event.kind == RINGWAY_TIMED_OUT);

    CHECK(ringway_publish(producer, "one", 3, 7, &seq) == 0 && seq == 0);
    CHECK(ringway_publish(producer, "second", 6, 0, NULL) == 0);
    CHECK(ringway_publish(producer, NULL, 0, 0, &seq) == 0 && seq == 2);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &first) == 0);
    CHECK(first.kind == RINGWAY_MESSAGE && first.seq == 0 && first.tag == 7 && first.len == 3);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_SPIN, PATIENCE, &second) == 0);
    CHECK(second.seq == 1 && second.len == 6);
    /* Both are there, and the checked way shows the same. */
    CHECK(memcmp(first.data, "one", 3) == 0 && memcmp(second.data, "second", 6) == 0);
    CHECK(ringway_consumer_message(consumer, 0, &event) == 0);
    CHECK(event.data == first.data && event.len == 3 && event.tag == 7);
    CHECK(ringway_consumer_position(consumer, &oldest, &next) == 0 && oldest == 0 && next == 2);
    CHECK(ringway_consumer_release(consumer, 0) == 0);
    FAILS(ringway_consumer_message(consumer, 0, &event), RINGWAY_E_ARGUMENT, "message 0 isn't held");
    CHECK(memcmp(second.data, "second", 6) == 0);
    FAILS(ringway_consumer_free(consumer), RINGWAY_E_HELD, "ringway_consumer_release(1)");
    CHECK(ringway_consumer_release(consumer, 1) == 0);
    CHECK(ringway_consumer_skip(consumer, 5, &seq) == 0 && seq == 1);

    CHECK(ringway_producer_close(producer) == 0);
    CHECK(ringway_producer_close(producer) == 0);
    FAILS(ringway_publish(producer, "late", 4, 0, NULL), RINGWAY_E_CLOSED, "has closed the ring");
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0);
    CHECK(event.kind == RINGWAY_CLOSED);
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_consumer_free(consumer) == 0);
    CHECK(ringway_free(ring) == 0);
    CHECK(ringway_remove(path) == 0);
    FAILS(ringway_remove(path), RINGWAY_E_NOT_FOUND, "no such file");
}

static void sequences_begin_anywhere_and_are_skipped(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring, *same;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event event;
    uint64_t seq = 0;
    const char *path = in_directory(directory, "skipped");

    config.first_seq = 100;
    FAILS(ringway_create(path, &config, NULL, &ring), RINGWAY_E_ARGUMENT, "first_seq can't be 100");
    config.can_skip = 1;
    CHECK(ringway_create(path, &config, NULL, &ring) == 0);
    CHECK(ringway_open_or_create(path, &config, NULL, &same) == 0 && ringway_free(same) == 0);
    config.first_seq = 0;
    FAILS(ringway_open_or_create(path, &config, NULL, &same), RINGWAY_E_MISMATCH, "first_seq");
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_publish(producer, "first", 5, 0, &seq) == 0 && seq == 100);
    CHECK(ringway_producer_skip_to(producer, 104) == 0);
    CHECK(ringway_publish(producer, "next", 4, 0, &seq) == 0 && seq == 104);
    FAILS(ringway_producer_skip_to(producer, 104), RINGWAY_E_ARGUMENT, "104");
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0 && event.seq == 100);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_LAGGED && event.lost == 3);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0 && event.seq == 104);
    /* The consumer holds five slots of eight. */
    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_NONE, 0) == 0);
    FAILS(ringway_producer_skip_to(producer, 1000), RINGWAY_E_FULL, "too little room");
    CHECK(ringway_producer_position(producer, &seq, NULL) == 0 && seq == 108);
    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_PARK, 1000) == 0);
    FAILS(ringway_producer_skip_to(producer, 1000), RINGWAY_E_TIMED_OUT, "the time was up");
    CHECK(ringway_consumer_release(consumer, 104) == 0);
    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_PARK, -1) == 0);
    CHECK(ringway_producer_skip_to(producer, 1000) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0);
    CHECK(event.kind == RINGWAY_LAGGED && event.lost == 895);
    CHECK(ringway_publish(producer, "far", 3, 0, &seq) == 0 && seq == 1000);
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_consumer_free(consumer) == 0);
    CHECK(ringway_free(ring) == 0);

    config.can_skip = 0;
    CHECK(ringway_create(in_directory(directory, "unskipped"), &config, NULL, &ring) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    FAILS(ringway_producer_skip_to(producer, 9), RINGWAY_E_MISMATCH, "first_seq");
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_free(ring) == 0);
}

static void wakes_are_deferred(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event event;
    int32_t times;

    CHECK(ringway_create(in_directory(directory, "deferred"), &config, NULL, &ring) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    for (times = 0; times < 2; times++) {
        CHECK(ringway_producer_defer_wake(producer, times == 0, times == 0 ? 0 : 200000) == 0);
        CHECK(ringway_publish(producer, "quiet", 5, 0, NULL) == 0);
        /* No reader sleeps. */
        CHECK(ringway_producer_wake(producer) == 0);
        CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0);
        CHECK(event.kind == RINGWAY_MESSAGE && ringway_consumer_release(consumer, event.seq) == 0);
    }
    CHECK(ringway_producer_defer_wake(producer, 0, 0) == 0);
    CHECK(ringway_producer_close(producer) == 0);
    FAILS(ringway_producer_wake(producer), RINGWAY_E_CLOSED, "closed");
    FAILS(ringway_producer_defer_wake(producer, 0, 1), RINGWAY_E_CLOSED, "closed");
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_consumer_free(consumer) == 0);
    CHECK(ringway_free(ring) == 0);
}

static void batches_come_whole(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event events[16];
    ringway_message messages[16];
    uint64_t published = 0;
    int32_t i;

    CHECK(ringway_create(in_directory(directory, "batches"), &config, NULL, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    memset(messages, 0, sizeof messages);
    for (i = 0; i < 16; i++) {
        messages[i].data = "0123456789abcdef" + i;
        messages[i].len = 1;
        messages[i].tag = (uint32_t)i;
    }
    CHECK(ringway_publish_batch(producer, messages, 5, &published) == 0 && published == 5);
    CHECK(ringway_consumer_recv_batch(consumer, RINGWAY_WAIT_PARK, -1, events, 3) == 3);
    CHECK(ringway_consumer_recv_batch(consumer, RINGWAY_WAIT_PARK, -1, events + 3, 13) == 2);
    for (i = 0; i < 5; i++) {
        CHECK(events[i].kind == RINGWAY_MESSAGE && events[i].seq == (uint64_t)i);
        CHECK(events[i].tag == (uint32_t)i && *(const char *)events[i].data == "01234"[i]);
    }
    CHECK(ringway_consumer_release(consumer, 4) == 0);

    /* There is room for 8 of 16. */
    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_NONE, 0) == 0);
    FAILS(ringway_publish_batch(producer, messages, 16, &published), RINGWAY_E_FULL, "too little room");
    CHECK(published == 8);
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_FULL, "too little room");
    CHECK(ringway_producer_set_wait(producer, RINGWAY_WAIT_PARK, 1000) == 0);
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_TIMED_OUT, "the time was up");
    FAILS(ringway_publish_batch(producer, messages, 2, &published), RINGWAY_E_TIMED_OUT, "the time was up");
    CHECK(published == 0);
    messages[1].len = 1000;
    FAILS(ringway_publish_batch(producer, messages, 2, &published), RINGWAY_E_LENGTH, "1000 bytes");
    messages[1].len = 1;
    messages[1].reserved = 1;
    FAILS(ringway_publish_batch(producer, messages, 2, &published), RINGWAY_E_ARGUMENT, "reserved can't be 1");

    /* The producer frees the ring's last event, which comes after the messages. */
    CHECK(ringway_producer_close(producer) == 0);
    CHECK(ringway_consumer_recv_batch(consumer, RINGWAY_WAIT_NONE, 0, events, 16) == 8);
    FAILS(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, events), RINGWAY_E_HELD, "all 8 slots");
    CHECK(ringway_consumer_release(consumer, events[6].seq) == 0);
    CHECK(ringway_consumer_recv_batch(consumer, RINGWAY_WAIT_PARK, -1, events, 16) == 1);
    CHECK(events[0].kind == RINGWAY_CLOSED);
    CHECK(ringway_consumer_release(consumer, 12) == 0);
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_consumer_free(consumer) == 0);
    CHECK(ringway_free(ring) == 0);
}

static void claims_are_written_in_place(const char *directory, uint32_t flags) {
    ringway_config config = small_ring();
    ringway_options options = with_flags(flags);
    ringway_ring *ring;
    ringway_consumer *consumer;
    ringway_producer *producer;
    ringway_event event;
    void *bytes = NULL;
    uint64_t next = 0, epoch = 0;

    CHECK(ringway_open_or_create(in_directory(directory, flags ? "claims-t" : "claims"), &config, &options, &ring) == 0);
    CHECK(ringway_consumer_new(ring, RINGWAY_START_OLDEST, 0, &consumer) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_claim(producer, 5, &bytes) == 0 && bytes != NULL);
    memcpy(bytes, "some!", 5);
    FAILS(ringway_publish(producer, "x", 1, 0, NULL), RINGWAY_E_ARGUMENT, "a slot is claimed");
    FAILS(ringway_claim(producer, 5, &bytes), RINGWAY_E_ARGUMENT, "a slot is claimed");
    CHECK(bytes == NULL);
    CHECK(ringway_commit(producer, 4, 3) == 0);
    FAILS(ringway_commit(producer, 4, 3), RINGWAY_E_ARGUMENT, "no slot is claimed");
    FAILS(ringway_abandon(producer), RINGWAY_E_ARGUMENT, "no slot is claimed");
    CHECK(ringway_claim(producer, 5, &bytes) == 0);
    CHECK(ringway_abandon(producer) == 0);
    CHECK(ringway_claim(producer, 5, &bytes) == 0);
    FAILS(ringway_commit(producer, 6, 0), RINGWAY_E_LENGTH, "claim of 5");
    FAILS(ringway_abandon(producer), RINGWAY_E_ARGUMENT, "no slot is claimed");
    FAILS(ringway_claim(producer, 49, &bytes), RINGWAY_E_LENGTH, "49 bytes");
    CHECK(ringway_producer_position(producer, &next, &epoch) == 0 && next == 1 && epoch == 1);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0);
    CHECK(event.len == 4 && event.tag == 3 && memcmp(event.data, "some", 4) == 0);
    CHECK(ringway_consumer_release(consumer, event.seq) == 0);
    /* An open claim ends with its producer, and publishes nothing. */
    CHECK(ringway_claim(producer, 5, &bytes) == 0);
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0);
    CHECK(event.kind == RINGWAY_PRODUCER_LOST);
    CHECK(ringway_producer_next(ring, PATIENCE, &producer) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_PARK, -1, &event) == 0);
    CHECK(event.kind == RINGWAY_EPOCH_CHANGED && event.epoch == 2 && event.first_seq == 1);
    CHECK(ringway_producer_require_readers(producer, 1) == 0);
    CHECK(ringway_consumer_free(consumer) == 0);
    FAILS(ringway_claim(producer, 5, &bytes), RINGWAY_E_NO_READERS, "no consumer is attached");
    CHECK(ringway_producer_free(producer) == 0);
    CHECK(ringway_free(ring) == 0);
}

static void observers_count_what_they_lose(void) {
    ringway_config config = small_ring();
    ringway_options options = with_flags(RINGWAY_ANY_OWNER);
    ringway_ring *made, *ring, *read_only;
    ringway_observer *observer;
    ringway_consumer *consumer;
    ringway_producer *producer, *other;
    ringway_event event;
    ringway_stats stats;
    ringway_info info;
    uint64_t received = 0, lost = 0, next = 0;
    char buffer[8];
    int fd, i;

    CHECK(ringway_memfd_create(&config, NULL, &made) == 0);
    CHECK((fd = ringway_memfd_fd(made)) >= 0);
    CHECK(ringway_memfd_open(fd, &options, &ring) == 0);
    CHECK((fd = ringway_memfd_fd_read_only(made)) >= 0);
    CHECK(ringway_memfd_open(fd, NULL, &read_only) == 0);
    CHECK(close(fd) == 0);
    FAILS(ringway_producer_new(read_only, &other), RINGWAY_E_READ_ONLY, "read-only");
    CHECK(other == NULL);
    CHECK(ringway_observer_new(read_only, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_OLDEST_SAFE, &observer) == 0);
    CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_NONE, 0, NULL, 0, &event) == 0 && event.kind == RINGWAY_EMPTY);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    FAILS(ringway_producer_new(made, &other), RINGWAY_E_TAKEN, "already has a producer");
    FAILS(ringway_producer_next(made, 1000, &other), RINGWAY_E_TAKEN, "already has a producer");
    CHECK(other == NULL);
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK(ringway_ring_stats(ring, &stats) == 0);
    CHECK(stats.producer_alive == 1 && stats.head == 0 && stats.room == 8 && stats.consumers == 0);
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    CHECK(ringway_ring_info(ring, &info) == 0);
    CHECK(info.struct_size == sizeof info && info.slots == 8 && info.payload_capacity == 48);
    CHECK(info.stride == RINGWAY_STRIDE_ALIGNED && info.is_typed == 0 && info.type_name[0] == 0);
    CHECK(ringway_observer_free(observer) == 0 && ringway_producer_free(producer) == 0);
    CHECK(ringway_free(ring) == 0 && ringway_free(read_only) == 0 && ringway_free(made) == 0);

    CHECK(ringway_memfd_create(&config, NULL, &ring) == 0);
    CHECK(ringway_producer_new(ring, &producer) == 0);
    CHECK(ringway_observer_new(ring, RINGWAY_START_OLDEST, 0, RINGWAY_RESUME_OLDEST_SAFE, &observer) == 0);
    for (i = 0; i < 11; i++) {
        CHECK(ringway_publish(producer, "message", 7, (uint32_t)i, NULL) == 0);
    }
    CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_PARK, -1, buffer, 8, &event) == 0);
    CHECK(event.kind == RINGWAY_LAGGED && event.lost == 3);
    FAILS(ringway_observer_recv(observer, RINGWAY_WAIT_PARK, -1, buffer, 4, &event), RINGWAY_E_TOO_SMALL, "7 bytes");
    CHECK(event.len == 7);
    CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_PARK, -1, buffer, 8, &event) == 0);
    CHECK(event.kind == RINGWAY_MESSAGE && event.seq == 3 && event.tag == 3 && event.data == (void *)buffer);
    CHECK(memcmp(buffer, "message", 7) == 0);
    CHECK(ringway_observer_seek(observer, 10) == 0);
    CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_NONE, 0, buffer, 8, &event) == 0 && event.seq == 10);
    CHECK(ringway_observer_recv(observer, RINGWAY_WAIT_PARK, 1000, buffer, 8, &event) == 0);
    CHECK(event.kind == RINGWAY_TIMED_OUT);
    CHECK(ringway_observer_position(observer, &received, &lost, &next) == 0);
    CHECK(received == 2 && lost == 3 && next == 11);
    FAILS(ringway_observer_seek(observer, 0), RINGWAY_E_OVERWRITTEN, "no longer kept");
    FAILS(ringway_observer_seek(observer, 99), RINGWAY_E_ARGUMENT, "isn't published yet");
    CHECK(ringway_consumer_new(ring, RINGWAY_START_NEWEST, 2, &consumer) == 0);
    CHECK(ringway_consumer_recv(consumer, RINGWAY_WAIT_NONE, 0, &event) == 0 && event.seq == 9);
    CHECK(ringway_consumer_release(consumer, 9) == 0);
    CHECK(ringway_consumer_free(consumer) == 0);
    FAILS(ringway_consumer_new(ring, RINGWAY_START_AT, 1, &consumer), RINGWAY_E_OVERWRITTEN, "no longer kept");
    CHECK(ringway_observer_free(observer) == 0 && ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
}

static void types_are_recorded_and_checked(const char *directory) {
    ringway_config config = small_ring();
    ringway_ring *ring;
    ringway_producer *producer;
    ringway_info info;
    struct { double price; uint64_t quantity; } quote = { 1.5, 2 };

    config.type_name = "example.Quote.v1";
    config.type_size = sizeof quote;
    config.type_align = 8;
    CHECK(ringway_create(in_directory(directory, "typed"), &config, NULL, &ring) == 0);
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    CHECK(ringway_ring_info(ring, &info) == 0);
    CHECK(info.is_typed == 1 && info.type_size == 16 && info.type_align == 8 && info.payload_capacity == 16);
    CHECK(strcmp(info.type_name, "example.Quote.v1") == 0);
    FAILS(ringway_producer_new(ring, &producer), RINGWAY_E_MISMATCH, "example.Quote.v1");
    FAILS(ringway_producer_new_typed(ring, "example.Quote.v2", 16, 8, &producer), RINGWAY_E_MISMATCH, "Quote.v2");
    CHECK(ringway_producer_new_typed(ring, "example.Quote.v1", 16, 8, &producer) == 0);
    CHECK(ringway_publish(producer, &quote, sizeof quote, 0, NULL) == 0);
    FAILS(ringway_publish(producer, &quote, 8, 0, NULL), RINGWAY_E_LENGTH, "message of 8 bytes");
    CHECK(ringway_producer_free(producer) == 0 && ringway_free(ring) == 0);
    FAILS(ringway_open(in_directory(directory, "none"), NULL, &ring), RINGWAY_E_NOT_FOUND, "no such file");
    config = small_ring();
    FAILS(ringway_create(in_directory(directory, "typed"), &config, NULL, &ring), RINGWAY_E_EXISTS, "exists already");
    FAILS(ringway_open_or_create(in_directory(directory, "typed"), &config, NULL, &ring), RINGWAY_E_MISMATCH, "type");
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    CHECK(strcmp(ringway_last_error(), "") == 0);
    CHECK(strcmp(ringway_strerror(-RINGWAY_E_FULL), "the ring is full") == 0);
    CHECK(strcmp(ringway_strerror(0), "success") == 0 && strcmp(ringway_strerror(12345), "unknown error") == 0);
    CHECK(ringway_version()[0] >= '0');
    CHECK(ringway_guard_truncation() == 0);
    messages_are_held_until_released(arguments[1], 0);
    messages_are_held_until_released(arguments[1], RINGWAY_TRUST_PEERS);
    messages_are_held_until_released(arguments[1], RINGWAY_TRUST_PEERS | RINGWAY_POISON);
    sequences_begin_anywhere_and_are_skipped(arguments[1]);
    wakes_are_deferred(arguments[1]);
    batches_come_whole(arguments[1]);
    claims_are_written_in_place(arguments[1], 0);
    claims_are_written_in_place(arguments[1], RINGWAY_TRUST_PEERS);
    observers_count_what_they_lose();
    types_are_recorded_and_checked(arguments[1]);
    return 0;
}
