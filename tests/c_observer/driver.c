/*
 * What the tests ask an observer in C to do. Each line of the input opens a ring:
 *
 *     PATH START AT OFFSET RESUME FLAGS TIMEOUT_NS EVENTS CAPACITY VERIFY
 *
 * A PATH below /proc is that of a descriptor. It then receives at most EVENTS times, and writes a line for each, then
 * the counts and a point alone. With a TIMEOUT_NS above 0 nothing but EVENTS ends it; else the end of the ring does, an
 * error, or nothing to read. A CAPACITY of -1 is the ring's own. With VERIFY it checks messages instead, which follow
 * from their sequence as in testkit/src/payload.rs, waits until it is lapped now and then, and writes the counts alone.
 */
#include "ringway_observer.h"

#define FALL_BEHIND_EACH 500

static uint64_t word_of(uint64_t seq, uint64_t at) {
    uint64_t mixed = (seq ^ at << 40) * UINT64_C(0x9e3779b97f4a7c15);
    return (mixed ^ mixed >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static int is_sound(const rwobs_geometry *ring, const rwobs_event *event) {
    const unsigned char *bytes = (const unsigned char *)event->data;
    uint64_t capacity = ring->payload_capacity, length = capacity, tag = 0, at;
    if (ring->stride_kind < 2) {
        length = event->seq * 7919 % (capacity + 1);
        tag = word_of(event->seq, 1 << 20) >> 32;
    }
    if (event->len != length || event->tag != tag)
        return 0;
    for (at = 0; at < length; at += 8) {
        uint64_t word = word_of(event->seq, at / 8);
        if (memcmp(&word, bytes + at, length - at < 8 ? length - at : 8) != 0)
            return 0;
    }
    return 1;
}

/* Waits until the next message is overwritten, or the ring closed. */
static void fall_behind(rwobs_observer *ring) {
    uint64_t head;
    while (rwobs_head(ring, &head) == 0 && head <= ring->next + ring->ring.slots &&
           (rwobs_epoch_and_state_(ring) & 3) != RWOBS_CLOSED_)
        sched_yield();
}

static int verify(rwobs_observer *ring, unsigned char *buffer, size_t capacity, int64_t timeout) {
    uint64_t steps, expected, head, lost = 0, received = 0, laps = 0;
    rwobs_event event;
    memset(&event, 0, sizeof event);
    for (steps = 0; event.kind != RWOBS_CLOSED; steps++) {
        if (steps % FALL_BEHIND_EACH == 0)
            fall_behind(ring);
        expected = ring->next;
        if (rwobs_recv(ring, buffer, capacity, timeout, &event) != 0)
            return printf("error %s\n", ring->error);
        if (event.kind == RWOBS_LAGGED) {
            laps++;
            lost += event.lost;
            if (event.lost == 0 || event.seq != expected + event.lost || ring->next != event.seq)
                return printf("lagged wrongly at %" PRIu64 "\n", expected);
        } else if (event.kind == RWOBS_MESSAGE) {
            received++;
            if (event.seq != expected || event.data != buffer || !is_sound(&ring->ring, &event))
                return printf("message %" PRIu64 " isn't what was sent\n", event.seq);
        } else if (event.kind != RWOBS_CLOSED) {
            return printf("event %d at %" PRIu64 "\n", (int)event.kind, expected);
        }
    }
    if (received != ring->received || lost != ring->lost || rwobs_head(ring, &head) != 0)
        return printf("the observer's own counts differ\n");
    return printf("laps %" PRIu64 " head %" PRIu64 "\n", laps, head);
}

static void receive(rwobs_observer *ring, unsigned char *buffer, size_t capacity, int64_t timeout, uint64_t events) {
    rwobs_event event;
    int32_t code = 0;
    memset(&event, 0, sizeof event);
    while (events-- > 0 && (timeout > 0 || (code == 0 && event.kind != RWOBS_CLOSED))) {
        code = rwobs_recv(ring, buffer, capacity, timeout, &event);
        if (code != 0)
            printf("error %d needs %zu: %s\n", -code, event.len, ring->error);
        else if (event.kind == RWOBS_MESSAGE)
            printf("message %" PRIu64 " tag %" PRIu32 " length %zu hash %016" PRIx64 "\n", event.seq, event.tag,
                   event.len, rwobs_fnv_((const unsigned char *)event.data, event.len));
        else if (event.kind == RWOBS_LAGGED)
            printf("lagged %" PRIu64 "\n", event.lost);
        else if (event.kind == RWOBS_EPOCH_CHANGED)
            printf("epoch %" PRIu64 " from %" PRIu64 "\n", event.epoch, event.first_seq);
        else
            printf("%s\n", event.kind == RWOBS_EMPTY ? "empty" : event.kind == RWOBS_CLOSED ? "closed" : "producer lost");
        fflush(stdout);
        if (event.kind == RWOBS_EMPTY && timeout == 0)
            break;
    }
}

static void run(const char *path, const rwobs_options *options, int64_t timeout, uint64_t events, int64_t limit, int sums) {
    rwobs_observer ring;
    unsigned char *buffer;
    size_t capacity;
    int fd = strncmp(path, "/proc/", 6) == 0 ? open(path, O_RDONLY) : -1;
    int32_t code = fd >= 0 ? rwobs_open_fd(&ring, fd, options) : rwobs_open(&ring, path, options);
    if (fd >= 0)
        close(fd);
    if (code != 0) {
        printf("refused %d: %s\n", -code, ring.error);
        return;
    }
    printf("from %" PRIu64 " alive %d\n", ring.start, rwobs_producer_alive(&ring));
    fflush(stdout);
    capacity = limit < 0 ? (size_t)ring.ring.payload_capacity : (size_t)limit;
    /* Exactly as long, so that a sanitizer sees a byte too many. */
    buffer = (unsigned char *)malloc(capacity == 0 ? 1 : capacity);
    if (buffer == NULL)
        printf("no memory\n");
    else if (sums)
        verify(&ring, buffer, capacity, timeout);
    else
        receive(&ring, buffer, capacity, timeout, events);
    printf("received %" PRIu64 " lost %" PRIu64 " next %" PRIu64 " of %s\n", ring.received, ring.lost, ring.next,
           ring.ring.type_name[0] == '\0' ? "bytes" : ring.ring.type_name);
    free(buffer);
    rwobs_close(&ring);
}

int main(void) {
    char line[5000], path[4097];
    int64_t timeout, limit;
    uint64_t events;
    int sums;
    while (fgets(line, sizeof line, stdin) != NULL) {
        rwobs_options options = rwobs_defaults();
        if (sscanf(line,
                   "%4096s %" SCNd32 " %" SCNu64 " %" SCNu64 " %" SCNd32 " %" SCNu32 " %" SCNd64 " %" SCNu64
                   " %" SCNd64 " %d",
                   path, &options.start, &options.at, &options.offset, &options.resume, &options.flags, &timeout,
                   &events, &limit, &sums) != 10)
            return 2;
        run(path, &options, timeout, events, limit, sums);
        printf(".\n");
        fflush(stdout);
    }
    return 0;
}
