/*
 * How to observe: docs/format.md, section 11, step by step. Part of ringway_observer.h.
 */
#ifndef RINGWAY_OBSERVER_PROTOCOL_H
#define RINGWAY_OBSERVER_PROTOCOL_H

#define RWOBS_MAX_SEQ_ (UINT64_C(1) << 62)
#define RWOBS_VOID_ (UINT64_C(1) << 63)
#define RWOBS_OPEN_ 1
#define RWOBS_CLOSED_ 2

/* A wait spins until the first time has passed, yields until the second, then sleeps; after the third it asks. */
#define RWOBS_SPIN_NS_ 20000
#define RWOBS_YIELD_NS_ 100000
#define RWOBS_ASK_NS_ 10000000
#define RWOBS_SLEEP_NS_ 1000000

static inline int32_t rwobs_damaged_(rwobs_observer *o, const char *word, uint64_t found) {
    return rwobs_fail_(o, RWOBS_E_DAMAGED,
                       "at message %" PRIu64 ", %s %" PRIu64 ", which no producer stores: make the ring anew", o->next,
                       word, found);
}

/* The stamp's place, of message `n`. */
static inline uint64_t rwobs_stamp_at_(const rwobs_geometry *ring, uint64_t n) {
    uint64_t slot = n & (ring->slots - 1);
    if (ring->stride_kind == RWOBS_SPLIT_)
        return ring->slots_offset + 8 * slot;
    return ring->slots_offset + ring->stride * slot + (ring->stride_kind == RWOBS_LINE_ ? 56 : 0);
}

static inline uint64_t rwobs_payload_at_(const rwobs_geometry *ring, uint64_t n) {
    uint64_t ahead = 16;
    if (ring->stride_kind == RWOBS_SPLIT_)
        ahead = (8 * ring->slots + 127) & ~UINT64_C(127);
    if (ring->stride_kind == RWOBS_LINE_)
        ahead = 0;
    return ring->slots_offset + ahead + ring->stride * (n & (ring->slots - 1));
}

/* The stamp of message `n`'s slot (R1). */
static inline uint64_t rwobs_stamp_(const rwobs_observer *o, uint64_t n) {
    return rwobs_acquire_(o, rwobs_stamp_at_(&o->ring, n));
}

/* Whether the stamp is a void one; `seq` is the message that it names. */
static inline int rwobs_is_void_(uint64_t stamp, uint64_t *seq) {
    *seq = (stamp & ~RWOBS_VOID_) / 2;
    return stamp > RWOBS_VOID_ && stamp % 2 == 1;
}

/* Whether it is a void stamp of message `n` or of an earlier one, in a ring that has some. */
static inline int rwobs_is_void_by_(const rwobs_observer *o, uint64_t stamp, uint64_t n) {
    uint64_t seq;
    return o->ring.can_skip && rwobs_is_void_(stamp, &seq) && seq <= n;
}

/* Head (H1), checked. */
static inline int32_t rwobs_load_head_(rwobs_observer *o, uint64_t *head) {
    *head = rwobs_acquire_(o, o->ring.producer_offset);
    if (rwobs_is_cut_(o))
        return rwobs_truncated_(o);
    if (*head > RWOBS_MAX_SEQ_)
        return rwobs_damaged_(o, "head is", *head);
    if (*head < o->ring.first_seq)
        *head = o->ring.first_seq;
    return 0;
}

/* Whether message `next` is there, or was skipped. */
static inline int rwobs_is_there_(const rwobs_observer *o) {
    uint64_t stamp = rwobs_stamp_(o, o->next), seq;
    if (o->ring.can_skip && rwobs_is_void_(stamp, &seq) && seq < o->next)
        return o->next < rwobs_acquire_(o, o->ring.producer_offset);
    return stamp >= 2 * o->next + 2;
}

static inline uint64_t rwobs_epoch_and_state_(const rwobs_observer *o) {
    return rwobs_acquire_(o, o->ring.producer_offset + 128);
}

static inline uint64_t rwobs_less_(uint64_t number, uint64_t by) {
    return number > by ? number - by : 0;
}

/* The sequence `by` before `seq`, but none before the ring's first. */
static inline uint64_t rwobs_before_(const rwobs_observer *o, uint64_t seq, uint64_t by) {
    uint64_t before = rwobs_less_(seq, by);
    return before < o->ring.first_seq ? o->ring.first_seq : before;
}

/* The oldest message that isn't being overwritten, `margin` messages from the edge. */
static inline uint64_t rwobs_oldest_(const rwobs_observer *o, uint64_t newest, uint64_t margin) {
    uint64_t edge = rwobs_before_(o, newest, o->ring.slots), floor = rwobs_before_(o, newest, o->ring.slots / 2);
    uint64_t i = edge, k = floor;
    while (i < k) {
        uint64_t j = i + (k - i) / 2, stamp = rwobs_stamp_(o, j);
        if (stamp == 2 * j + 2 || rwobs_is_void_by_(o, stamp, j))
            k = j;
        else
            i = j + 1;
    }
    if (i < edge + margin)
        i = edge + margin;
    return i < floor ? i : floor;
}

/* Finds the first message. */
static inline int32_t rwobs_begin_(rwobs_observer *o, int32_t start, uint64_t at) {
    uint64_t head, oldest;
    int32_t code = rwobs_load_head_(o, &head);
    if (code != 0)
        return code;
    o->last_epoch_ = rwobs_epoch_and_state_(o) >> 2;
    oldest = rwobs_oldest_(o, head, 0);
    o->next = start == RWOBS_LATEST ? head : oldest;
    if (start == RWOBS_AT) {
        if (at > RWOBS_MAX_SEQ_)
            return rwobs_fail_(o, RWOBS_E_ARGUMENT, "no ring has a message %" PRIu64 ": 2^62 is the largest", at);
        if (at < oldest)
            return rwobs_fail_(o, RWOBS_E_OVERWRITTEN,
                               "message %" PRIu64 " is overwritten: %" PRIu64 " is the oldest that is left", at, oldest);
        o->next = o->asked_ = at;
    }
    o->start = o->next;
    return rwobs_is_cut_(o) ? rwobs_truncated_(o) : 0;
}

/* One attempt. Returns 1 if the message is there, 0 if it isn't yet, 2 if `stamp` is a later one's, or an error. */
static inline int32_t rwobs_attempt_(rwobs_observer *o, unsigned char *buffer, size_t capacity, rwobs_event *event,
                                     uint64_t *stamp) {
    uint64_t at = rwobs_stamp_at_(&o->ring, o->next), wanted = 2 * o->next + 2, length, word;
    uint32_t tag = 0;
    int fits;
    *stamp = rwobs_acquire_(o, at);
    if (*stamp != wanted)
        return *stamp < wanted ? 0 : 2;
    length = o->ring.payload_capacity;
    if (o->ring.stride_kind <= RWOBS_PACKED_) {
        word = rwobs_load_(o, at + 8);
        length = word & UINT32_MAX;
        tag = RWOBS_AS_(uint32_t, word >> 32);
    }
    fits = length <= o->ring.payload_capacity && length <= capacity;
    if (fits)
        rwobs_copy_(o, buffer, rwobs_payload_at_(&o->ring, o->next), RWOBS_AS_(size_t, length));
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* (R2) */
    if (rwobs_load_(o, at) != *stamp) {
        *stamp = rwobs_acquire_(o, at);
        return *stamp > wanted ? 2 : rwobs_damaged_(o, "the stamp went back to", *stamp);
    }
    if (length > o->ring.payload_capacity)
        return rwobs_damaged_(o, "the length is", length);
    event->seq = o->next;
    event->len = RWOBS_AS_(size_t, length);
    event->tag = tag;
    if (!fits)
        return rwobs_fail_(o, RWOBS_E_BUFFER, "message %" PRIu64 " has %" PRIu64 " bytes: give a buffer of as many",
                           o->next, length);
    event->kind = RWOBS_MESSAGE;
    event->data = buffer;
    o->next++;
    o->received++;
    o->margin_ = 0;
    return 1;
}

/* Finds where to go on, with the stamp of a later message in hand. */
static inline int32_t rwobs_lapped_(rwobs_observer *o, uint64_t stamp, rwobs_event *event) {
    uint64_t slots = o->ring.slots, m = (stamp - 1) / 2, head, end, resumed, skipped;
    int is_void = rwobs_is_void_(stamp, &skipped);
    int32_t code = rwobs_load_head_(o, &head);
    if (code != 0)
        return code;
    if (is_void)
        m = skipped;
    if ((is_void && !o->ring.can_skip) || m <= o->next || ((m ^ o->next) & (slots - 1)) != 0 || m > head + slots)
        return rwobs_damaged_(o, "the stamp is", stamp);
    if (stamp % 2 == 0 || is_void)
        end = m + 1;
    else if (rwobs_stamp_(o, m - 1) >= 2 * (m - 1) + 2)
        end = m;
    else
        end = rwobs_less_(m + 1, slots / 2);
    if (end < head)
        end = head;
    resumed = o->resume_ == RWOBS_RESUME_LATEST ? end : rwobs_oldest_(o, end, o->margin_);
    if (resumed < o->next + 1)
        resumed = o->next + 1;
    o->margin_ *= 2;
    if (o->margin_ < slots / 8)
        o->margin_ = slots / 8;
    if (o->margin_ < 1)
        o->margin_ = 1;
    if (o->margin_ > slots / 2)
        o->margin_ = slots / 2;
    if (rwobs_is_cut_(o))
        return 0;
    event->kind = RWOBS_LAGGED;
    event->lost = resumed - o->next;
    event->seq = resumed;
    o->lost += event->lost;
    o->next = resumed;
    return 0;
}

/* Damage, if waiting for the next message would never end. */
static inline int32_t rwobs_check_place_(rwobs_observer *o) {
    uint64_t head;
    int32_t code = rwobs_load_head_(o, &head);
    if (code != 0)
        return code;
    if (o->next < head && !rwobs_is_there_(o))
        return rwobs_damaged_(o, "the message isn't there, but head is", head);
    /* A start that lies ahead may be asked for. */
    if (o->next > head + o->ring.slots && o->next != o->asked_)
        return rwobs_damaged_(o, "head is", head);
    return 0;
}

/* What became of the producer, if the message isn't there. Returns 1 if the message came meanwhile. */
static inline int32_t rwobs_absent_(rwobs_observer *o, rwobs_event *event) {
    uint64_t word = rwobs_epoch_and_state_(o), epoch = word >> 2, before = o->last_epoch_, first;
    int32_t code;
    event->epoch = epoch;
    if ((word & 3) == 3)
        return rwobs_damaged_(o, "epoch and state are", word);
    if (epoch != before) {
        first = rwobs_load_(o, o->ring.producer_offset + (epoch % 2 == 0 ? 136 : 144));
        if (rwobs_is_there_(o))
            return 1;
        o->last_epoch_ = epoch;
        if (before != 0 || epoch != 1) {
            event->kind = RWOBS_EPOCH_CHANGED;
            event->first_seq = first;
            return 0;
        }
    }
    if ((word & 3) == RWOBS_CLOSED_) {
        if (rwobs_is_there_(o))
            return 1;
        code = rwobs_check_place_(o);
        if (code != 0)
            return code;
        event->kind = RWOBS_CLOSED;
    }
    return 0;
}

/* Whether message `seq` was skipped, where head has been loaded before. */
static inline int rwobs_was_skipped_(const rwobs_observer *o, uint64_t seq, uint64_t head) {
    uint64_t void_seq;
    return rwobs_is_void_(rwobs_stamp_(o, seq), &void_seq) && (void_seq == seq || (void_seq < seq && seq < head));
}

/* Passes what was skipped, with a void stamp of the next message, or of an earlier one, in hand. */
static inline int32_t rwobs_skipped_(rwobs_observer *o, uint64_t stamp, rwobs_event *event) {
    uint64_t slots = o->ring.slots, head, seq, end, last;
    int32_t code = rwobs_load_head_(o, &head);
    if (code != 0)
        return code;
    if (rwobs_is_void_(stamp, &seq) && seq > head + slots)
        return rwobs_damaged_(o, "the stamp is", stamp);
    if (!rwobs_was_skipped_(o, o->next, head))
        return rwobs_absent_(o, event);
    end = rwobs_before_(o, head, slots);
    if (end < o->next + 1)
        end = o->next + 1;
    last = (end < head ? end : head) + slots;
    while (end < last && rwobs_was_skipped_(o, end, head))
        end++;
    if (rwobs_is_cut_(o))
        return 0;
    event->kind = RWOBS_LAGGED;
    event->lost = end - o->next;
    event->seq = end;
    o->lost += event->lost;
    o->next = end;
    return 0;
}

/* Looks once, without waiting. */
static inline int32_t rwobs_look_(rwobs_observer *o, unsigned char *buffer, size_t capacity, rwobs_event *event) {
    uint64_t stamp;
    int again = 0;
    for (;;) {
        int32_t code = rwobs_attempt_(o, buffer, capacity, event, &stamp);
        if (code == 1)
            return 0;
        if (code == 2 && rwobs_is_void_by_(o, stamp, o->next))
            code = rwobs_skipped_(o, stamp, event);
        else if (code == 2)
            code = rwobs_lapped_(o, stamp, event);
        else if (code == 0 && again > 0)
            code = rwobs_damaged_(o, "the stamp went back to", stamp);
        else if (code == 0)
            code = rwobs_absent_(o, event);
        if (rwobs_is_cut_(o))
            return rwobs_truncated_(o);
        if (code != 1)
            return code;
        /* Between two looks at a void stamp a later message may take the slot: a third attempt finds that. */
        if (++again == 3)
            return rwobs_damaged_(o, "head goes back and forth, and the stamp is", stamp);
    }
}

/* Asks the kernel for the producer's lock, and takes none: 1 alive, 0 not, -1 unknown. */
static inline int rwobs_ask_(const rwobs_observer *o) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = RWOBS_AS_(off_t, o->offset_);
    lock.l_len = 1;
    if (fcntl(o->fd_, F_OFD_GETLK, &lock) != 0)
        return -1;
    return lock.l_type == F_WRLCK;
}

/* What a reader that has waited a while does: it finds a lost producer, and a place that nothing comes to. */
static inline int32_t rwobs_idle_(rwobs_observer *o, unsigned char *buffer, size_t capacity, rwobs_event *event) {
    int lost = o->lost_epoch_ != o->last_epoch_ + 1 && rwobs_ask_(o) == 0;
    uint64_t epoch = o->last_epoch_;
    int32_t code = rwobs_check_length_(o);
    if (code == 0)
        code = rwobs_look_(o, buffer, capacity, event);
    if (code != 0 || event->kind != RWOBS_EMPTY)
        return code;
    code = rwobs_check_place_(o);
    if (code != 0)
        return rwobs_is_cut_(o) ? rwobs_truncated_(o) : code;
    if (lost && rwobs_epoch_and_state_(o) == (epoch << 2 | RWOBS_OPEN_)) {
        o->lost_epoch_ = epoch + 1;
        event->kind = RWOBS_PRODUCER_LOST;
        event->epoch = epoch;
    }
    return 0;
}

static inline int64_t rwobs_now_(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return RWOBS_AS_(int64_t, now.tv_sec) * 1000000000 + now.tv_nsec;
}

/* Sleeps while the doorbell is `value`, for `limit` nanoseconds at most, which are less than a second. */
static inline void rwobs_sleep_(const rwobs_observer *o, uint32_t value, int64_t limit) {
    struct timespec time;
    time.tv_sec = 0;
    time.tv_nsec = RWOBS_AS_(long, limit);
    /* FUTEX_WAIT, a shared one: the page may be read-only. */
    if (syscall(SYS_futex, o->base_ + o->ring.producer_offset + 384, 0, value, &time, NULL, 0) != 0 &&
        errno != ETIMEDOUT && errno != EAGAIN && errno != EINTR)
        nanosleep(&time, NULL);
}

/* Looks until there is something, or the time is over. */
static inline int32_t rwobs_wait_(rwobs_observer *o, unsigned char *buffer, size_t capacity, int64_t timeout,
                                  rwobs_event *event) {
    int64_t begun = -1, waited = 0, limit;
    for (;;) {
        const unsigned char *bell = o->base_ + o->ring.producer_offset + 384;
        uint32_t value = __atomic_load_n(RWOBS_AS_(const uint32_t *, RWOBS_AS_(const void *, bell)), __ATOMIC_RELAXED);
        int is_over = timeout > 0 && waited >= timeout;
        int32_t code;
        __atomic_thread_fence(__ATOMIC_ACQUIRE); /* (B2) */
        code = waited >= RWOBS_ASK_NS_ || is_over ? rwobs_idle_(o, buffer, capacity, event)
                                                  : rwobs_look_(o, buffer, capacity, event);
        if (code != 0 || event->kind != RWOBS_EMPTY || timeout == 0 || is_over)
            return code;
        if (begun < 0)
            begun = rwobs_now_();
        waited = rwobs_now_() - begun;
        limit = timeout > 0 && timeout - waited < RWOBS_SLEEP_NS_ ? timeout - waited : RWOBS_SLEEP_NS_;
        if (waited < RWOBS_SPIN_NS_ || limit <= 0)
            continue;
        if (waited < RWOBS_YIELD_NS_)
            sched_yield();
        else if ((code = rwobs_check_length_(o)) != 0)
            return code;
        else
            rwobs_sleep_(o, value, limit);
    }
}

#endif
