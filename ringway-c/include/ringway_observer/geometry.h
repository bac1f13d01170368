/*
 * The ring's header, and the checks of docs/format.md, section 10. Part of ringway_observer.h.
 *
 * The header is read once, into private memory. Nothing is computed with a field before it was checked.
 */
#ifndef RINGWAY_OBSERVER_GEOMETRY_H
#define RINGWAY_OBSERVER_GEOMETRY_H

#define RWOBS_HEADER_ 384
#define RWOBS_VERSION_ 3
#define RWOBS_SKIPS_ UINT64_C(1)

enum { RWOBS_ALIGNED_, RWOBS_PACKED_, RWOBS_LINE_, RWOBS_SPLIT_ };

static inline uint64_t rwobs_fnv_(const unsigned char *bytes, size_t length) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    while (length-- > 0)
        hash = (hash ^ *bytes++) * UINT64_C(0x100000001b3);
    return hash;
}

/* Rounds up to a multiple of `to`, a power of two. Returns whether it overflows. */
static inline int rwobs_round_(uint64_t number, uint64_t to, uint64_t *rounded) {
    if (__builtin_add_overflow(number, to - 1, rounded))
        return 1;
    *rounded &= ~(to - 1);
    return 0;
}

static inline int rwobs_is_power_of_two_(uint64_t number) {
    return number != 0 && (number & (number - 1)) == 0;
}

/* Whether these bytes are UTF-8: no longer form than needed, no surrogate, nothing past U+10FFFF. */
static inline int rwobs_is_utf8_(const unsigned char *bytes, size_t length) {
    size_t at = 0;
    while (at < length) {
        unsigned char first = bytes[at++];
        unsigned char low = 0x80, high = 0xbf;
        int more = first < 0x80 ? 0 : first >= 0xc2 && first <= 0xdf ? 1 : (first & 0xf0) == 0xe0 ? 2 : 3;
        if (more == 3 && (first < 0xf0 || first > 0xf4))
            return 0;
        if (first == 0xe0)
            low = 0xa0;
        if (first == 0xed)
            high = 0x9f;
        if (first == 0xf0)
            low = 0x90;
        if (first == 0xf4)
            high = 0x8f;
        for (; more > 0; more--, at++, low = 0x80, high = 0xbf)
            if (at >= length || bytes[at] < low || bytes[at] > high)
                return 0;
    }
    return 1;
}

static inline int32_t rwobs_bad_field_(rwobs_observer *o, const char *field, uint64_t found, uint64_t expected) {
    return rwobs_fail_(o, RWOBS_E_GEOMETRY,
                       "the header's %s is %" PRIu64 ", and %" PRIu64 " follows from the rest: make the ring anew",
                       field, found, expected);
}

static inline int32_t rwobs_out_of_range_(rwobs_observer *o, const char *field, uint64_t found) {
    return rwobs_fail_(o, RWOBS_E_GEOMETRY,
                       "the header's %s is %" PRIu64 ", which docs/format.md doesn't allow: make the ring anew",
                       field, found);
}

static inline int32_t rwobs_check_type_(rwobs_observer *o, const unsigned char *header, uint64_t name_length) {
    rwobs_geometry *ring = &o->ring;
    const unsigned char *name = header + 280;
    int plain = ring->type_size == 0 && ring->type_align == 0 && name_length == 0;
    uint64_t largest = ring->stride_kind == RWOBS_PACKED_ ? 8 : 16, at;
    if (!plain) {
        if (ring->type_size == 0 || ring->type_size != ring->payload_capacity)
            return rwobs_bad_field_(o, "type size", ring->type_size, ring->payload_capacity);
        if (!rwobs_is_power_of_two_(ring->type_align) || ring->type_align > largest)
            return rwobs_out_of_range_(o, "type align", ring->type_align);
        if (name_length < 1 || name_length > 96)
            return rwobs_out_of_range_(o, "type name length", name_length);
    }
    for (at = name_length; at < 96; at++)
        if (name[at] != 0)
            return rwobs_out_of_range_(o, "padding of the type name", name[at]);
    if (!rwobs_is_utf8_(name, RWOBS_AS_(size_t, name_length)))
        return rwobs_fail_(o, RWOBS_E_GEOMETRY, "the header's type name isn't UTF-8: make the ring anew");
    memcpy(ring->type_name, name, RWOBS_AS_(size_t, name_length));
    return 0;
}

/* Each field against those from which it follows. */
static inline int32_t rwobs_check_fields_(rwobs_observer *o, const unsigned char *header, const uint64_t *words) {
    rwobs_geometry *ring = &o->ring;
    uint64_t page = RWOBS_AS_(uint64_t, sysconf(_SC_PAGESIZE)), stride = 64, bytes, extra = 0, at, end = 0;
    /* Offset and length of each section; the last offset is the total length. */
    const char *names[] = {"producer_offset", "hints_offset", "consumers_offset", "slots_offset", "total_length"};
    uint64_t found[5], lengths[5] = {RWOBS_HEADER_, 512, 128, 0, 0};
    ring->placement = words[4];
    ring->slots = words[5];
    ring->stride = words[6];
    ring->stride_kind = words[7];
    ring->payload_capacity = words[8];
    ring->max_consumers = words[9];
    ring->section_align = words[10];
    memcpy(found, words + 11, sizeof found);
    memcpy(ring->ring_id, header + 128, 16);
    memcpy(ring->boot_id, header + 144, 16);
    ring->type_size = words[32];
    ring->type_align = words[33];

    if (ring->stride_kind > RWOBS_SPLIT_)
        return rwobs_fail_(o, RWOBS_E_FEATURES, "the ring has stride kind %" PRIu64 ", which this reader doesn't know",
                           ring->stride_kind);
    if (ring->placement > 2)
        return rwobs_out_of_range_(o, "placement", ring->placement);
    if (!rwobs_is_power_of_two_(ring->slots) || ring->slots < 2 || ring->slots > UINT64_C(1) << 32)
        return rwobs_out_of_range_(o, "number of slots", ring->slots);
    if (ring->payload_capacity > UINT32_MAX || (ring->stride_kind == RWOBS_LINE_ && ring->payload_capacity > 56))
        return rwobs_out_of_range_(o, "payload capacity", ring->payload_capacity);
    if (ring->max_consumers < 1 || ring->max_consumers > 1024)
        return rwobs_out_of_range_(o, "max_consumers", ring->max_consumers);
    if (!rwobs_is_power_of_two_(ring->section_align) || ring->section_align < page)
        return rwobs_out_of_range_(o, "section_align", ring->section_align);
    ring->can_skip = words[3] & RWOBS_SKIPS_;
    ring->first_seq = words[20];
    if (!ring->can_skip && ring->first_seq != 0)
        return rwobs_bad_field_(o, "first_seq", ring->first_seq, 0);
    if (ring->first_seq >= UINT64_C(1) << 62)
        return rwobs_out_of_range_(o, "first_seq", ring->first_seq);
    for (at = 21; at < 32; at++)
        if (words[at] != 0)
            return rwobs_bad_field_(o, "reserved word", words[at], 0);

    if (ring->stride_kind == RWOBS_SPLIT_) {
        stride = ring->payload_capacity == 0 ? 64 : (ring->payload_capacity + 63) & ~UINT64_C(63);
        rwobs_round_(8 * ring->slots, 128, &extra);
    } else if (ring->stride_kind != RWOBS_LINE_) {
        rwobs_round_(16 + ring->payload_capacity, ring->stride_kind == RWOBS_PACKED_ ? 8 : 64, &stride);
    }
    if (ring->stride != stride)
        return rwobs_bad_field_(o, "stride", ring->stride, stride);
    lengths[3] = 128 * ring->max_consumers;
    if (__builtin_mul_overflow(stride, ring->slots, &bytes) || __builtin_add_overflow(bytes, extra, &lengths[4]))
        return rwobs_out_of_range_(o, "number of slots", ring->slots);
    for (at = 0; at < 5; at++) {
        if (rwobs_round_(lengths[at], ring->section_align, &bytes) || __builtin_add_overflow(end, bytes, &end) ||
            end > INT64_MAX)
            return rwobs_out_of_range_(o, "section_align", ring->section_align);
        if (found[at] != end)
            return rwobs_bad_field_(o, names[at], found[at], end);
    }
    ring->producer_offset = found[0];
    ring->hints_offset = found[1];
    ring->consumers_offset = found[2];
    ring->slots_offset = found[3];
    ring->total_length = found[4];
    return rwobs_check_type_(o, header, words[34]);
}

/* The checks that come before any field is looked at. */
static inline int32_t rwobs_check_header_(rwobs_observer *o, const unsigned char *header, const uint64_t *words) {
    uint64_t expected = UINT64_C(0x0102030405060708);
    if (memcmp(header, "RINGWAY?", 8) == 0)
        return rwobs_fail_(o, RWOBS_E_UNFINISHED, "the ring isn't complete yet, or its creator died: try again later");
    if (memcmp(header, "RINGWAY\0", 8) != 0)
        return rwobs_fail_(o, RWOBS_E_NOT_A_RING,
                           "there is no ring at byte %" PRIu64 ": give the path and the offset of one", o->offset_);
    if (words[1] == __builtin_bswap64(expected))
        return rwobs_fail_(o, RWOBS_E_BYTE_ORDER,
                           "the ring was made on a machine of another byte order: read it on such a machine");
    if (words[1] != expected)
        return rwobs_fail_(o, RWOBS_E_GEOMETRY, "the header's byte order is %#" PRIx64 ": make the ring anew", words[1]);
    if (words[2] != RWOBS_VERSION_)
        return rwobs_fail_(o, RWOBS_E_VERSION, "the ring has format version %" PRIu64 ", and this reader knows %d only",
                           words[2], RWOBS_VERSION_);
    expected = rwobs_fnv_(header + 8, RWOBS_HEADER_ - 16);
    if (words[47] != expected)
        return rwobs_fail_(o, RWOBS_E_CHECKSUM,
                           "the header's checksum is %#" PRIx64 ", not %#" PRIx64 ": it was changed; make the ring anew",
                           words[47], expected);
    if ((words[3] & ~RWOBS_SKIPS_) != 0)
        return rwobs_fail_(o, RWOBS_E_FEATURES,
                           "the ring has features %#" PRIx64 ", of which this reader knows %#" PRIx64, words[3],
                           RWOBS_SKIPS_);
    return rwobs_check_fields_(o, header, words);
}

/* The boot's id as the header has it. Returns whether it is known. */
static inline int rwobs_boot_id_(unsigned char id[16]) {
    char text[64];
    size_t digits = 0;
    ssize_t length = -1, at;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        length = read(fd, text, sizeof text);
        close(fd);
    }
    memset(id, 0, 16);
    for (at = 0; at < length && digits < 32; at++) {
        char c = text[at];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit >= 0) {
            id[digits / 2] = RWOBS_AS_(unsigned char, id[digits / 2] << 4 | digit);
            digits++;
        }
    }
    return digits == 32;
}

static inline int32_t rwobs_read_geometry_(rwobs_observer *o, uint32_t flags, unsigned char *header) {
    unsigned char boot[16];
    uint64_t words[RWOBS_HEADER_ / 8], length;
    struct stat file;
    ssize_t count;
    int32_t code;
    if (fstat(o->fd_, &file) != 0)
        return rwobs_fail_(o, RWOBS_E_SYSTEM, "the file's length isn't known: %s", strerror(errno));
    if (!S_ISREG(file.st_mode))
        return rwobs_fail_(o, RWOBS_E_FILE, "a regular file was expected: give the path of a ring's file");
    length = RWOBS_AS_(uint64_t, file.st_size);
    if (o->offset_ > length || length - o->offset_ < RWOBS_HEADER_)
        return rwobs_fail_(o, RWOBS_E_FILE,
                           "the file is %" PRIu64 " bytes long, and a ring's header at %" PRIu64 " takes %d", length,
                           o->offset_, RWOBS_HEADER_);
    count = pread(o->fd_, header, RWOBS_HEADER_, RWOBS_AS_(off_t, o->offset_));
    if (count != RWOBS_HEADER_)
        return rwobs_fail_(o, RWOBS_E_SYSTEM, "the header can't be read: %s",
                           count < 0 ? strerror(errno) : "the file became shorter");
    memcpy(words, header, sizeof words);
    code = rwobs_check_header_(o, header, words);
    if (code != 0)
        return code;
    if (o->ring.placement == 0)
        return rwobs_fail_(o, RWOBS_E_GEOMETRY, "the header is one of a ring in anonymous memory, not in a file");
    if (o->ring.placement == 1 && (o->offset_ != 0 || o->ring.total_length != length))
        return rwobs_fail_(o, RWOBS_E_LENGTH,
                           "the ring is a file of %" PRIu64 " bytes at offset 0; this one has %" PRIu64
                           ", and the offset given is %" PRIu64,
                           o->ring.total_length, length, o->offset_);
    if (o->offset_ % o->ring.section_align != 0 || length - o->offset_ < o->ring.total_length)
        return rwobs_fail_(o, RWOBS_E_LENGTH,
                           "the ring takes %" PRIu64 " bytes at a multiple of %" PRIu64 "; the file has %" PRIu64
                           ", and the offset given is %" PRIu64,
                           o->ring.total_length, o->ring.section_align, length, o->offset_);
    if ((flags & RWOBS_ANY_BOOT) == 0 && (!rwobs_boot_id_(boot) || memcmp(boot, o->ring.boot_id, 16) != 0))
        return rwobs_fail_(o, RWOBS_E_BOOT,
                           "the ring is of an earlier start of the machine, or /proc can't be read: make it anew, or "
                           "read what is left with RWOBS_ANY_BOOT");
    return 0;
}

/* The mapped header must be the one that was checked. Nothing loads it again. */
static inline int32_t rwobs_compare_(rwobs_observer *o, const unsigned char *header) {
    uint64_t at, word;
    int differs = 0;
    for (at = 0; at < RWOBS_HEADER_; at += sizeof word) {
        word = rwobs_load_(o, at);
        differs |= memcmp(&word, header + at, sizeof word) != 0;
    }
    if (rwobs_is_cut_(o))
        return rwobs_truncated_(o);
    return differs ? rwobs_fail_(o, RWOBS_E_GEOMETRY, "the header changes while it is read: make the ring anew") : 0;
}

#endif
