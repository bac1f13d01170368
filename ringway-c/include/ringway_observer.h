/*
 * An observer of a Ringway ring, in C11 or C++17, and in headers alone.
 *
 * It maps the ring read-only, writes nothing to it, takes no lock and needs no library. It is written
 * from docs/format.md and from nothing else. To use it, copy this file and the folder
 * `ringway_observer` beside it.
 *
 *     rwobs_observer ring;
 *     char text[4096];
 *     rwobs_event event;
 *     if (rwobs_open(&ring, "/dev/shm/quotes", NULL) != 0) { puts(ring.error); return 1; }
 *     while (rwobs_recv(&ring, text, sizeof text, -1, &event) == 0 && event.kind != RWOBS_CLOSED)
 *         if (event.kind == RWOBS_MESSAGE) fwrite(text, 1, event.len, stdout);
 *     rwobs_close(&ring);
 *
 * Each function returns 0 or a negative number, one of `-RWOBS_E_...`. `error` in the observer then says
 * what was found, what was expected and what to do. The file may be hostile: its header is checked once,
 * every other word at each use.
 *
 * A FILE THAT IS CUT SHORT under a mapping raises SIGBUS at the next access. So `rwobs_open` installs a
 * handler of that signal, once for each source file that includes this header. The handler maps zeros
 * over the observer's own mapping, and the call returns `-RWOBS_E_TRUNCATED`. It passes all other faults
 * and signals on to the handler that was there before. A handler that the program installs later must
 * pass on, too, what isn't its own. Nor may a thread that observes block SIGBUS. With
 * `RWOBS_NO_GUARD` no handler is installed: the length is checked at the start and at each sleep, and
 * a process that may cut the file short may end this one.
 *
 * One thread at a time uses an observer. A forked child may go on with its copy.
 *
 * The names begin with `rwobs_` and `RWOBS_`, so that this file and `ringway.h` can be included together.
 */
#ifndef RINGWAY_OBSERVER_H
#define RINGWAY_OBSERVER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef F_OFD_GETLK
#error "Include ringway_observer.h before any other header, or define _GNU_SOURCE for the whole file."
#define RWOBS_UNFIT_ 1
#elif !defined(__GCC_ATOMIC_LLONG_LOCK_FREE) || __GCC_ATOMIC_LLONG_LOCK_FREE != 2
#error "ringway_observer.h takes a processor that loads 64 bits at once, and gcc's or clang's __atomic."
#define RWOBS_UNFIT_ 1
#endif

/* Casts that a compiler accepts in either language under any warnings: of a value, and between an address and its
 * number. */
#ifdef __cplusplus
#define RWOBS_AS_(type, value) static_cast<type>(value)
#define RWOBS_ADDRESS_(type, value) reinterpret_cast<type>(value)
#else
#define RWOBS_AS_(type, value) ((type)(value))
#define RWOBS_ADDRESS_(type, value) ((type)(value))
#endif

/* Where an observer starts: `start` of the options. */
#define RWOBS_OLDEST 0 /* at the oldest message that the ring still has */
#define RWOBS_LATEST 1 /* at the next message that is published */
#define RWOBS_AT 2     /* at the sequence `at`, which may lie ahead */

/* Where it goes on once it was lapped: `resume` of the options. */
#define RWOBS_RESUME_OLDEST 0 /* at the oldest message that is likely to stay */
#define RWOBS_RESUME_LATEST 1 /* at the newest */

/* `flags` of the options. */
#define RWOBS_ANY_BOOT 1u /* read a ring of an earlier start of the machine, too */
#define RWOBS_NO_GUARD 2u /* install no handler of SIGBUS */

/* What a call of `rwobs_recv` found: `kind` of the event. */
#define RWOBS_EMPTY 0         /* nothing within the time-out */
#define RWOBS_MESSAGE 1       /* message `seq`, `len` bytes in the caller's buffer, with `tag` */
#define RWOBS_LAGGED 2        /* `lost` messages were overwritten unread, or skipped; `seq` is the next one */
#define RWOBS_EPOCH_CHANGED 3 /* another producer began `epoch` at the message `first_seq` */
#define RWOBS_PRODUCER_LOST 4 /* the producer of `epoch` ended without closing the ring */
#define RWOBS_CLOSED 5        /* the ring is closed, and every message was read */

/* Errors. A function returns them negated. */
#define RWOBS_E_ARGUMENT 1    /* an argument or an option isn't as described */
#define RWOBS_E_SYSTEM 2      /* a system call failed */
#define RWOBS_E_FILE 3        /* not a regular file, or too short for a header */
#define RWOBS_E_NOT_A_RING 4  /* no magic number */
#define RWOBS_E_UNFINISHED 5  /* the ring isn't complete yet */
#define RWOBS_E_BYTE_ORDER 6  /* made on a machine of another byte order */
#define RWOBS_E_VERSION 7     /* another version of the format */
#define RWOBS_E_CHECKSUM 8    /* the header was changed */
#define RWOBS_E_FEATURES 9    /* a feature or a stride kind that this reader doesn't know */
#define RWOBS_E_GEOMETRY 10   /* a field of the header contradicts the format */
#define RWOBS_E_LENGTH 11     /* the file isn't as long as the header says */
#define RWOBS_E_BOOT 12       /* a ring of an earlier start of the machine */
#define RWOBS_E_OVERWRITTEN 13 /* the message to start at is gone */
#define RWOBS_E_DAMAGED 14    /* a word of the ring has a value that no producer stores */
#define RWOBS_E_TRUNCATED 15  /* the file was cut short while it was observed */
#define RWOBS_E_BUFFER 16     /* the buffer is too small: `len` of the event bytes are needed */

/* How a ring is opened. `rwobs_defaults()` fills it in. */
typedef struct rwobs_options {
    uint64_t struct_size; /* sizeof(rwobs_options) */
    int32_t start;
    int32_t resume;
    uint64_t at;     /* for RWOBS_AT */
    uint64_t offset; /* of a ring inside a larger file, in bytes */
    uint32_t flags;
    uint32_t reserved; /* 0 */
} rwobs_options;

typedef struct rwobs_event {
    int32_t kind;
    uint32_t tag;
    const void *data; /* the caller's buffer */
    size_t len;
    uint64_t seq, lost, epoch, first_seq;
} rwobs_event;

/* The ring's header, checked. */
typedef struct rwobs_geometry {
    uint64_t placement, slots, stride, stride_kind, payload_capacity, max_consumers, section_align;
    uint64_t producer_offset, hints_offset, consumers_offset, slots_offset, total_length;
    unsigned char ring_id[16], boot_id[16];
    uint64_t type_size, type_align; /* 0 for plain bytes */
    char type_name[97];             /* UTF-8, ended by a zero; empty for plain bytes */
    uint64_t first_seq;             /* the sequence of the first message */
    uint64_t can_skip;              /* 1: the producer may leave sequences out */
} rwobs_geometry;

struct rwobs_node_;

/* An observer. The fields up to `error` may be read. `received + lost` is always `next - start`. */
typedef struct rwobs_observer {
    rwobs_geometry ring;
    uint64_t start, next, received, lost;
    char error[320];

    const unsigned char *base_;
    struct rwobs_node_ *guard_;
    uint64_t offset_, last_epoch_, lost_epoch_, margin_, asked_;
    int fd_;
    int32_t resume_, failed_;
} rwobs_observer;

#ifdef RWOBS_UNFIT_

/* The error above is the only one: calls compile, too. */
rwobs_options rwobs_defaults(void);
int32_t rwobs_open(rwobs_observer *, const char *, const rwobs_options *);
int32_t rwobs_open_fd(rwobs_observer *, int, const rwobs_options *);
int32_t rwobs_recv(rwobs_observer *, void *, size_t, int64_t, rwobs_event *);
int rwobs_producer_alive(const rwobs_observer *);
int32_t rwobs_head(rwobs_observer *, uint64_t *);
int rwobs_has_type(const rwobs_observer *, const char *, uint64_t, uint64_t);
void rwobs_close(rwobs_observer *);

#else

#include "ringway_observer/memory.h"

#include "ringway_observer/geometry.h"

#include "ringway_observer/protocol.h"

/* The options that a null pointer stands for. */
static inline rwobs_options rwobs_defaults(void) {
    rwobs_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    return options;
}

/* Gives back what the observer has. It may be called again, and after a call of `rwobs_open` that failed. */
static inline void rwobs_close(rwobs_observer *o) {
    rwobs_unmap_(o);
    if (o->fd_ >= 0)
        close(o->fd_);
    o->fd_ = -1;
    o->failed_ = rwobs_fail_(o, RWOBS_E_ARGUMENT, "this observer is closed: open the ring again");
}

/* Opens the ring in the file that `path` names, or else in the one of the descriptor `from`. */
static inline int32_t rwobs_open_(rwobs_observer *o, const char *path, int from, const rwobs_options *options) {
    unsigned char header[RWOBS_HEADER_];
    int32_t code;
    if (options->struct_size != sizeof *options || options->reserved != 0)
        return rwobs_fail_(o, RWOBS_E_ARGUMENT, "options of %zu bytes were expected: take those of rwobs_defaults()",
                           sizeof *options);
    if (options->start < RWOBS_OLDEST || options->start > RWOBS_AT || options->resume < RWOBS_RESUME_OLDEST ||
        options->resume > RWOBS_RESUME_LATEST || (options->flags & ~(RWOBS_ANY_BOOT | RWOBS_NO_GUARD)) != 0)
        return rwobs_fail_(o, RWOBS_E_ARGUMENT, "start %d, resume %d or flags %#x is no value that is known",
                           options->start, options->resume, options->flags);
    o->offset_ = options->offset;
    o->resume_ = options->resume;
    if (path == NULL)
        o->fd_ = fcntl(from, F_DUPFD_CLOEXEC, 0);
    else /* Not a link, and without waiting for the other end of a pipe. */
        o->fd_ = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (o->fd_ < 0)
        return rwobs_fail_(o, errno == ELOOP ? RWOBS_E_FILE : RWOBS_E_SYSTEM, "%.160s can't be opened: %s",
                           path == NULL ? "the descriptor" : path,
                           errno == ELOOP ? "it is a symbolic link; give the file's own path" : strerror(errno));
    code = rwobs_read_geometry_(o, options->flags, header);
    if (code == 0)
        code = rwobs_map_(o, (options->flags & RWOBS_NO_GUARD) == 0);
    if (code == 0)
        code = rwobs_compare_(o, header);
    return code == 0 ? rwobs_begin_(o, options->start, options->at) : code;
}

static inline int32_t rwobs_open_either_(rwobs_observer *o, const char *path, int from, const rwobs_options *options) {
    rwobs_options defaults = rwobs_defaults();
    char error[sizeof o->error];
    int32_t code;
    memset(o, 0, sizeof *o);
    o->fd_ = -1;
    code = rwobs_open_(o, path, from, options == NULL ? &defaults : options);
    if (code != 0) {
        memcpy(error, o->error, sizeof error);
        rwobs_close(o);
        memcpy(o->error, error, sizeof error);
    }
    return code;
}

/*
 * Opens the ring in the file at `path`, checks its header, and finds where to start. `options` may be null:
 * that is the oldest message. On failure the observer holds nothing but `error`.
 */
static inline int32_t rwobs_open(rwobs_observer *o, const char *path, const rwobs_options *options) {
    return o == NULL || path == NULL ? -RWOBS_E_ARGUMENT : rwobs_open_either_(o, path, -1, options);
}

/*
 * The same of the file that a descriptor is open for: a memfd that was handed over, or a file found by other rules.
 * It may be open for reading only. The observer keeps a duplicate; the caller keeps the descriptor.
 */
static inline int32_t rwobs_open_fd(rwobs_observer *o, int fd, const rwobs_options *options) {
    return o == NULL ? -RWOBS_E_ARGUMENT : rwobs_open_either_(o, NULL, fd, options);
}

/*
 * Receives the next message into `buffer`, or says what became of it or of the producer.
 *
 * Waits for `timeout_ns` nanoseconds at most; 0 doesn't wait, a negative time has no end. The wait polls: it
 * spins, then yields, then sleeps on the doorbell for at most 1 ms at a time. A wait that has taken 10 ms, or
 * is over, asks the kernel whether the producer lives; a call that doesn't wait never asks. Each message and
 * event is told once, but `RWOBS_CLOSED` again and again until there is another producer.
 *
 * A buffer of the ring's `payload_capacity` always suffices. With less, `-RWOBS_E_BUFFER` says that the
 * message is longer; the next call finds it again, unless it is overwritten by then. `-RWOBS_E_DAMAGED`
 * loses nothing either: the next call looks again. `-RWOBS_E_TRUNCATED` is final.
 */
static inline int32_t rwobs_recv(rwobs_observer *o, void *buffer, size_t capacity, int64_t timeout_ns,
                                 rwobs_event *event) {
    int32_t code;
    if (o == NULL || event == NULL || (buffer == NULL && capacity != 0))
        return -RWOBS_E_ARGUMENT;
    memset(event, 0, sizeof *event);
    if (o->failed_ != 0)
        return o->failed_;
    code = rwobs_wait_(o, RWOBS_AS_(unsigned char *, buffer), capacity, timeout_ns, event);
    if (code == -RWOBS_E_TRUNCATED)
        o->failed_ = code;
    if (code != 0 && code != -RWOBS_E_BUFFER)
        memset(event, 0, sizeof *event);
    return code;
}

/* Whether the kernel knows of a living producer: 1, 0, or -1 where it can't be asked. Changes nothing. */
static inline int rwobs_producer_alive(const rwobs_observer *o) {
    return o->fd_ < 0 ? -1 : rwobs_ask_(o);
}

/* The sequence of the next message to be published, which may be old at once. */
static inline int32_t rwobs_head(rwobs_observer *o, uint64_t *head) {
    *head = 0;
    return o->failed_ != 0 ? o->failed_ : rwobs_load_head_(o, head);
}

/* Whether the ring is one of messages of this type, by name, size and alignment. */
static inline int rwobs_has_type(const rwobs_observer *o, const char *name, uint64_t size, uint64_t align) {
    return strcmp(o->ring.type_name, name) == 0 && o->ring.type_size == size && o->ring.type_align == align;
}

#endif /* RWOBS_UNFIT_ */

#endif
