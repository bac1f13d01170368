/* Ringway for C and C++: lock-free rings in shared memory, between processes on one Linux machine.
 *
 * `cargo xtask header` made this file of ringway-c/src. Edit it there.
 *
 * Each call that can fail returns 0, or a positive number where it says so, or a negative one of RINGWAY_E_…:
 * `-RINGWAY_E_FULL` and its like. ringway_last_error() tells what was found, what was expected and what to do.
 *
 * A ring's handle may be used by several threads at once. A role's handle (consumer, best-effort reader, observer,
 * producer) belongs to one thread at a time: a program whose threads share one guards it with a lock. Most calls on a
 * handle that is in another call fail with -RINGWAY_E_ARGUMENT, but two that begin at the same moment aren't told
 * apart.
 *
 * Handles that were made before fork() belong to the parent. In the child they fail with -RINGWAY_E_FORKED, and may be
 * freed. A ring's handle may be used in the child, to take roles anew.
 *
 * A call on a freed handle, or on a handle of another kind, fails with -RINGWAY_E_ARGUMENT, as long as the library
 * hasn't given the same address to a new handle. The library gives it out again once 64 more were freed at least.
 */

#ifndef RINGWAY_H
#define RINGWAY_H

#include <stddef.h>
#include <stdint.h>

// An argument can't be: a NULL pointer, a wrong `struct_size`, an unknown flag, a handle that is freed or of another
// kind, a message that isn't held.
#define RINGWAY_E_ARGUMENT 1

// The library has a bug, of which the text says more. The handle can only be freed.
#define RINGWAY_E_PANIC 2

// The handle was made before a fork and belongs to the parent process.
#define RINGWAY_E_FORKED 3

// The ring's file was cut short under the handle. Only told after `ringway_guard_truncation`; else it is a `SIGBUS`.
#define RINGWAY_E_TRUNCATED 4

// Shared memory holds a value that no correct peer writes.
#define RINGWAY_E_DAMAGED 5

// There is no memory, or no address space. Nothing was lost.
#define RINGWAY_E_NO_MEMORY 6

// `ringway_interrupt` or its like ended the wait.
#define RINGWAY_E_INTERRUPTED 7

// Messages are held that must be released first.
#define RINGWAY_E_HELD 8

// The ring has no room now: a consumer lags by a whole ring.
#define RINGWAY_E_FULL 9

// The ring had no room, or the role wasn't free, or no ring was there, before the time was up.
#define RINGWAY_E_TIMED_OUT 10

// This producer has closed the ring.
#define RINGWAY_E_CLOSED 11

// Another producer has taken over.
#define RINGWAY_E_DEPOSED 12

// No consumer is attached, and the producer requires one.
#define RINGWAY_E_NO_READERS 13

// The ring's sequences are used up, which takes damage.
#define RINGWAY_E_EXHAUSTED 14

// The message has a length, or a tag, that this ring's messages can't have.
#define RINGWAY_E_LENGTH 15

// The caller's buffer is too short. `len` of the event says what is needed. Nothing was lost.
#define RINGWAY_E_TOO_SMALL 16

// There is no such file or directory.
#define RINGWAY_E_NOT_FOUND 17

// A file of that name exists.
#define RINGWAY_E_EXISTS 18

// The system doesn't permit it to this user.
#define RINGWAY_E_PERMISSION 19

// There is no space for the ring.
#define RINGWAY_E_NO_SPACE 20

// The file holds no ring, or one of another version, or a configuration that no ring can have.
#define RINGWAY_E_NOT_A_RING 21

// The ring isn't as asked for: another configuration, type or placement.
#define RINGWAY_E_MISMATCH 22

// The ring was made before this machine last started.
#define RINGWAY_E_OTHER_BOOT 23

// Another process uses, makes or removes the ring.
#define RINGWAY_E_IN_USE 24

// The file was removed or replaced since it was opened.
#define RINGWAY_E_REPLACED 25

// No ring can lie there: another kind of file, an unsuitable file system, an owner that isn't trusted.
#define RINGWAY_E_UNSUITABLE 26

// The role is taken: there is a producer, or as many consumers as can be.
#define RINGWAY_E_TAKEN 27

// The message asked for is no longer kept.
#define RINGWAY_E_OVERWRITTEN 28

// The ring was opened for reading, which is enough for an observer only.
#define RINGWAY_E_READ_ONLY 29

// The operating system refused.
#define RINGWAY_E_OS 30

// Don't wait: look once.
#define RINGWAY_WAIT_NONE 0

// Poll without a pause: the shortest latency, at the price of a processor core.
#define RINGWAY_WAIT_SPIN 1

// Poll a few times, then let other threads run between polls.
#define RINGWAY_WAIT_YIELD 2

// Poll for some microseconds, then sleep until the other side wakes this one.
#define RINGWAY_WAIT_PARK 3

// Poll for as long as pays, by what the handle's last waits were like, then sleep.
#define RINGWAY_WAIT_ADAPTIVE 4

// A message: `data`, `len`, `tag` and `seq` say which.
#define RINGWAY_MESSAGE 1

// Nothing is there now. Only calls that don't wait come to it.
#define RINGWAY_EMPTY 2

// Nothing came until the time was up.
#define RINGWAY_TIMED_OUT 3

// Exactly `lost` messages don't come: the producer overtook this reader, or skipped them. The next call goes on.
#define RINGWAY_LAGGED 4

// Another producer has taken the ring over, or opened it again: number `epoch`, from message `first_seq` on. Reported
// once, when there is nothing else to read.
#define RINGWAY_EPOCH_CHANGED 5

// The producer is gone without closing the ring. A successor may come. Only calls that wait ask for it.
#define RINGWAY_PRODUCER_LOST 6

// The producer closed the ring, and everything it published has been read.
#define RINGWAY_CLOSED 7

// The ring's file isn't at its path any more: it was removed or replaced. Reported once; the handle goes on. Only calls
// that wait ask for it.
#define RINGWAY_ORPHANED 8

// `ringway_canceller_cancel` ended the wait. Nothing was lost: the next call goes on.
#define RINGWAY_CANCELLED 9

// Start at the next message to be published.
#define RINGWAY_START_LATEST 0

// Start at the oldest message still kept: for a consumer up to half a lap back, for an observer a whole one.
#define RINGWAY_START_OLDEST 1

// Start at the last `at` messages, as far as they are kept.
#define RINGWAY_START_NEWEST 2

// Start at message `at`. One that isn't published yet is waited for; one that is gone is an error.
#define RINGWAY_START_AT 3

// A reader that was overtaken goes on at the oldest message still kept, to lose as few as possible.
#define RINGWAY_RESUME_OLDEST_SAFE 0

// A reader that was overtaken goes on at the next message to be published.
#define RINGWAY_RESUME_LATEST 1

// No two slots share a cache line. Messages may have any length up to the capacity, and tags.
#define RINGWAY_STRIDE_ALIGNED 0

// Slots lie 8 bytes apart at least: less memory, a slower round trip.
#define RINGWAY_STRIDE_PACKED 1

// One cache line a message. All have the payload capacity's length, 56 bytes at most, and no tags.
#define RINGWAY_STRIDE_LINE 2

// Payloads apart from their stamps. All have the payload capacity's length, and no tags.
#define RINGWAY_STRIDE_SPLIT 3

// Messages are borrowed where they lie, rather than copied.
//
// It is a promise that no process writes the ring but through Ringway, or cuts its file short. A process that breaks
// it can change bytes while this one reads them.
#define RINGWAY_TRUST_PEERS 1

// Opens the ring for observers only, which the right to read the file is enough for.
#define RINGWAY_READ_ONLY (1 << 1)

// Brings all pages in whenever a role is taken, so that using the ring faults on none.
#define RINGWAY_POPULATE (1 << 2)

// Locks each role's mapping in memory, within `RLIMIT_MEMLOCK`.
#define RINGWAY_LOCK_MEMORY (1 << 3)

// Opens a file of any owner. Otherwise its owner must be this user, or root.
#define RINGWAY_ANY_OWNER (1 << 4)

// Lets a ring be opened for reading that was made before the machine last started.
#define RINGWAY_ALLOW_OTHER_BOOT (1 << 5)

// Lets a ring lie in a file system that copies on write.
#define RINGWAY_ALLOW_COPY_ON_WRITE (1 << 6)

// The roles don't register the process for membarrier: see docs/guide/waiting.md.
#define RINGWAY_NO_MEMBARRIER (1 << 7)

// The ring starts at `offset` of a file that may hold more.
#define RINGWAY_AT_OFFSET (1 << 8)

// For debugging: consumers get private copies, even of peers that are trusted, and a release fills the copies with the
// byte `RINGWAY_POISON_BYTE`. Reading a released message then shows those bytes until the consumer is freed.
#define RINGWAY_POISON (1 << 9)

// What released copies are filled with after `RINGWAY_POISON`.
#define RINGWAY_POISON_BYTE 219

// A best-effort reader: it gets every message while it keeps up, and holds the producer back no longer than the
// producer's patience lasts.
typedef struct ringway_best_effort ringway_best_effort;

// What ends a wait of one handle, at once.
typedef struct ringway_canceller ringway_canceller;

// A consumer: it gets every message from where it started, and holds the producer back by what it hasn't released.
typedef struct ringway_consumer ringway_consumer;

// An observer: it only reads, any number of them at once, and is told exactly how many messages it missed.
typedef struct ringway_observer ringway_observer;

// The producer of a ring: there is one at a time.
typedef struct ringway_producer ringway_producer;

// A ring. It holds a descriptor, and no memory. Roles that are taken on it outlive it.
typedef struct ringway_ring ringway_ring;

// What a new ring should be like. Fields that are 0 take what the comments say.
typedef struct {
  // `sizeof(ringway_config)`.
  uint64_t struct_size;
  // Number of slots: a power of two, 2 at least. 0: 1,024.
  uint64_t slots;
  // Longest message, in bytes. 0: 48, or the size of the type.
  uint64_t payload_capacity;
  // Most consumers at once, 1 to 1,024. 0: 16.
  uint64_t max_consumers;
  // Alignment of the ring's sections, in bytes: a power of two, the page size at least. 0: the page size.
  uint64_t section_align;
  // How slots lie one after another: one of `RINGWAY_STRIDE_…`.
  uint32_t stride;
  // 1: the sequences begin at `first_seq`, and the producer may skip some (`ringway_producer_skip_to`). 0: neither.
  uint32_t can_skip;
  // The name of the message type, 1 to 96 bytes of UTF-8, or NULL for plain bytes. The ring records it.
  const char *type_name;
  // `sizeof` the type.
  uint64_t type_size;
  // `alignof` the type.
  uint64_t type_align;
  // The sequence of the ring's first message, below 2^62. 0 unless `can_skip` is 1.
  uint64_t first_seq;
} ringway_config;

// How a ring is made or opened. All 0 but for `struct_size` is the default.
typedef struct {
  // `sizeof(ringway_options)`.
  uint64_t struct_size;
  // Permissions of a new file or memfd, whatever the umask. 0: 0600.
  uint32_t mode;
  // Bits of `RINGWAY_TRUST_PEERS` and its like.
  uint32_t flags;
  // Where the ring starts in its file, in bytes. Taken only with `RINGWAY_AT_OFFSET`.
  uint64_t offset;
} ringway_options;

// What a ring is like.
typedef struct {
  // `sizeof(ringway_info)`, set before the call.
  uint64_t struct_size;
  // Number of slots.
  uint64_t slots;
  // Longest message, in bytes.
  uint64_t payload_capacity;
  // Most consumers at once.
  uint64_t max_consumers;
  // Alignment of the ring's sections, in bytes.
  uint64_t section_align;
  // Bytes that the ring takes.
  uint64_t total_length;
  // From one slot to the next, in bytes.
  uint64_t slot_stride;
  // One of `RINGWAY_STRIDE_…`.
  uint32_t stride;
  // Whether the ring records a message type.
  uint32_t is_typed;
  // The ring's own id.
  uint8_t ring_id[16];
  // `sizeof` the type, or 0.
  uint64_t type_size;
  // `alignof` the type, or 0.
  uint64_t type_align;
  // The type's name, ended by a zero byte.
  char type_name[104];
} ringway_info;

// How a ring stands. Each value was true while it was read; all may be out of date at once.
typedef struct {
  // `sizeof(ringway_stats)`, set before the call.
  uint64_t struct_size;
  // Number of messages published: the sequence of the next.
  uint64_t head;
  // Number of the producer's incarnation; 0 before the first.
  uint64_t epoch;
  // First sequence of that incarnation.
  uint64_t first_seq;
  // Whether a process holds the producer's lock, as the kernel says.
  uint32_t producer_alive;
  // Whether the producer closed the ring.
  uint32_t is_closed;
  // What the last producer wrote as its PID.
  uint64_t producer_pid;
  // How often a producer found the ring full.
  uint64_t times_full;
  // Consumers that are attached, and alive as the kernel says.
  uint64_t consumers;
  // The largest number of messages that one of them has still to release.
  uint64_t largest_lag;
  // How many messages can be published until the ring is full.
  uint64_t room;
  // Most consumers at once.
  uint64_t max_consumers;
} ringway_stats;

// A message to be published in a batch.
typedef struct {
  // Its bytes. May be NULL if there are none.
  const void *data;
  // How many.
  size_t len;
  // Its tag.
  uint32_t tag;
  // Must be 0.
  uint32_t reserved;
} ringway_message;

// What a call to receive came to. Set by calls; what `kind` doesn't mention is 0.
typedef struct {
  // `RINGWAY_MESSAGE`, `RINGWAY_EMPTY` and so on: what happened.
  int32_t kind;
  // The message's tag.
  uint32_t tag;
  // The message's bytes.
  const void *data;
  // How many.
  size_t len;
  // The message's sequence, from 0 for the ring's first.
  uint64_t seq;
  // `RINGWAY_LAGGED`: how many messages don't come.
  uint64_t lost;
  // `RINGWAY_EPOCH_CHANGED`: the number of the new producer's incarnation.
  uint64_t epoch;
  // `RINGWAY_EPOCH_CHANGED`: the first sequence that it published, or will.
  uint64_t first_seq;
} ringway_event;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes a ring in a new file. `config` and `options` may be NULL, for what they say is the default.
//
// Errors: `RINGWAY_E_EXISTS`, `RINGWAY_E_NOT_FOUND` (the directory), `RINGWAY_E_NO_SPACE`, `RINGWAY_E_UNSUITABLE`,
// `RINGWAY_E_PERMISSION`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
//
// What the caller sees to:
// `path` is a text; the structures are as long as they say; `out` leads to a pointer.
int32_t ringway_create(const char *path,
                       const ringway_config *config,
                       const ringway_options *options,
                       ringway_ring **out);

// Opens a ring in a file. With `RINGWAY_READ_ONLY`, only observers can be taken on it.
//
// Errors: `RINGWAY_E_NOT_FOUND`, `RINGWAY_E_NOT_A_RING`, `RINGWAY_E_PERMISSION`, `RINGWAY_E_OTHER_BOOT`,
// `RINGWAY_E_UNSUITABLE`, `RINGWAY_E_IN_USE`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
//
// What the caller sees to:
// As for `ringway_create`.
int32_t ringway_open(const char *path,
                     const ringway_options *options,
                     ringway_ring **out);

// Opens the ring in a file, or makes it if there is none. Of processes that do so at the same time one makes it.
//
// Errors: those of both; `RINGWAY_E_MISMATCH` if the ring that is there isn't as `config` asks for.
//
// What the caller sees to:
// As for `ringway_create`.
int32_t ringway_open_or_create(const char *path,
                               const ringway_config *config,
                               const ringway_options *options,
                               ringway_ring **out);

// Makes a ring in a sealed memfd: memory without a name, for processes that are handed its descriptor.
//
// What the caller sees to:
// As for `ringway_create`.
int32_t ringway_memfd_create(const ringway_config *config,
                             const ringway_options *options,
                             ringway_ring **out);

// Opens the ring in a memfd that another process made: one inherited, or received over a socket. The descriptor stays
// the caller's, which may close it.
//
// What the caller sees to:
// `fd` is an open descriptor, or none; else as for `ringway_create`.
int32_t ringway_memfd_open(int32_t fd,
                           const ringway_options *options,
                           ringway_ring **out);

// The descriptor of a ring's memfd, to be handed to another process. It stays the handle's.
//
// Errors: `RINGWAY_E_ARGUMENT` if the ring lies in a file.
//
// What the caller sees to:
// `ring` is NULL or a handle.
int32_t ringway_memfd_fd(const ringway_ring *ring);

// A new descriptor of a ring's memfd, for reading only, to be handed to an observer. The caller closes it.
//
// What the caller sees to:
// `ring` is NULL or a handle.
int32_t ringway_memfd_fd_read_only(const ringway_ring *ring);

// Frees a ring's handle. Roles that were taken on it go on. NULL is nothing to free.
//
// What the caller sees to:
// `ring` is NULL or a handle, which no other thread uses.
int32_t ringway_free(ringway_ring *ring);

// Removes a ring's file, unless some process uses it.
//
// Errors: `RINGWAY_E_IN_USE`, `RINGWAY_E_NOT_FOUND`, `RINGWAY_E_NOT_A_RING`, `RINGWAY_E_PERMISSION`, `RINGWAY_E_OS`.
//
// What the caller sees to:
// `path` is a text.
int32_t ringway_remove(const char *path);

// Makes a file that is cut short under a handle an error, `RINGWAY_E_TRUNCATED`, rather than a `SIGBUS` that ends the
// process. It installs a handler for `SIGBUS` once, which passes on what isn't Ringway's.
int32_t ringway_guard_truncation(void);

// Opens a ring in a file as soon as there is one: see `ringway_open`. Waits for `timeout_ns` nanoseconds at most, asleep;
// if that is negative, without end. A path that leads nowhere is waited for, and so are a ring in the making and one
// of an earlier boot. A file that is no ring ends the wait at once.
//
// Errors: `RINGWAY_E_TIMED_OUT`, with what the last look found; `RINGWAY_E_INTERRUPTED` after `ringway_interrupt`,
// during this wait or since the last one of this function, within a tenth of a second; else as for `ringway_open`.
//
// What the caller sees to:
// As for `ringway_open`.
int32_t ringway_wait_for(const char *path,
                         const ringway_options *options,
                         int64_t timeout_ns,
                         ringway_ring **out);

// Whether programs that open the ring now find this one: 1 if so, 0 if its file was removed or replaced since. A ring in
// a memfd always is. Readers that wait are told once by `RINGWAY_ORPHANED`; a producer, or a reader that polls, asks.
//
// What the caller sees to:
// `ring` is NULL or a handle.
int32_t ringway_is_current(const ringway_ring *ring);

// Tells what a ring is like.
//
// What the caller sees to:
// `ring` is NULL or a handle; `out` is as long as it says.
int32_t ringway_ring_info(const ringway_ring *ring, ringway_info *out);

// Tells how a ring stands. It maps the ring for the time of the call, as an observer does, and stores nothing in it.
//
// What the caller sees to:
// `ring` is NULL or a handle; `out` is as long as it says.
int32_t ringway_ring_stats(const ringway_ring *ring,
                           ringway_stats *out);

// Takes the producer's role for plain bytes. Calls wait for room without end, at first: see
// `ringway_producer_set_wait`.
//
// Errors: `RINGWAY_E_TAKEN` while another handle has it, in this process or another; `RINGWAY_E_MISMATCH` if the ring
// carries a type; `RINGWAY_E_READ_ONLY`, `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`,
// `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
//
// What the caller sees to:
// `ring` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_producer_new(const ringway_ring *ring,
                             ringway_producer **out);

// Takes the producer's role on a ring that carries a message type, whose name, size and alignment must be as the ring
// was made with. Each message is one value of it, and has its size. Consumers and observers need no type.
//
// Errors: as for `ringway_producer_new`; `RINGWAY_E_MISMATCH` if the ring carries another type, or none.
//
// What the caller sees to:
// As for `ringway_producer_new`; `type_name` is a text.
int32_t ringway_producer_new_typed(const ringway_ring *ring,
                                   const char *type_name,
                                   uint64_t type_size,
                                   uint64_t type_align,
                                   ringway_producer **out);

// Takes the producer's role for plain bytes as soon as it is free, for a standby: when the producer closes the ring,
// frees its handle or dies. `timeout_ns` is how long to wait; negative is without end. Only `ringway_interrupt` ends
// the wait.
//
// Errors: as for `ringway_producer_new`; `RINGWAY_E_TAKEN` if that is so still when the time is up;
// `RINGWAY_E_INTERRUPTED`.
//
// What the caller sees to:
// As for `ringway_producer_new`.
int32_t ringway_producer_next(const ringway_ring *ring,
                              int64_t timeout_ns,
                              ringway_producer **out);

// Says how calls wait for room from now on: `wait` is one of `RINGWAY_WAIT_…`, `timeout_ns` for how long; negative is
// without end. A full ring is `-RINGWAY_E_FULL` without waiting, and `-RINGWAY_E_TIMED_OUT` when the time is up.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_set_wait(ringway_producer *producer,
                                  int32_t wait,
                                  int64_t timeout_ns);

// Says whether the producer requires a consumer: if `required` isn't 0, calls that find the ring without any fail with
// `-RINGWAY_E_NO_READERS`.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_require_readers(ringway_producer *producer,
                                         int32_t required);

// Tells the sequence of the next message, and the number of this producer's incarnation, from 1. Each pointer may be
// NULL.
//
// What the caller sees to:
// `producer` is NULL or a handle; the others are NULL or lead to a number.
int32_t ringway_producer_position(ringway_producer *producer,
                                  uint64_t *next,
                                  uint64_t *epoch);

// Closes the ring: readers that have read everything see `RINGWAY_CLOSED`. The role ends, and the handle is still to
// be freed. To close it again does nothing.
//
// Errors: `RINGWAY_E_DEPOSED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`; `RINGWAY_E_ARGUMENT` while a slot is
// claimed.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_close(ringway_producer *producer);

// A descriptor for `poll`, `epoll` and their like, which becomes readable once there may be room. It stays the
// handle's: it is closed with it, and not read.
//
// Tell the producer not to wait (`ringway_producer_set_wait`), and publish until a call fails with `-RINGWAY_E_FULL`:
// that answer arms the descriptor. It is readable now and then although there is no room.
//
// Errors: `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`, `RINGWAY_E_FORKED`, `RINGWAY_E_OS`, `RINGWAY_E_ARGUMENT`.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_fd(ringway_producer *producer);

// Ends this producer's current or next wait for room: see `ringway_interrupt`. A signal handler or another thread may
// call it, while the handle isn't freed. It sets no text.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_interrupt(const ringway_producer *producer);

// Frees a producer's handle. A ring that wasn't closed stays open: readers see `RINGWAY_PRODUCER_LOST`, and a
// successor may take over. A claim that is open publishes nothing. NULL is nothing to free.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_free(ringway_producer *producer);

// Publishes a message. Its sequence goes to `seq`, which may be NULL.
//
// Errors: `RINGWAY_E_FULL`, `RINGWAY_E_TIMED_OUT`, `RINGWAY_E_INTERRUPTED`: nothing is published, and the call may be
// made again. `RINGWAY_E_LENGTH`, `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`, `RINGWAY_E_NO_READERS`,
// `RINGWAY_E_EXHAUSTED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`; `RINGWAY_E_ARGUMENT` while a slot is claimed.
//
// What the caller sees to:
// `producer` is NULL or a handle; `data` has `len` bytes; `seq` is NULL or leads to a number.
int32_t ringway_publish(ringway_producer *producer,
                        const void *data,
                        size_t len,
                        uint32_t tag,
                        uint64_t *seq);

// Publishes `count` messages, in order. How many were published goes to `published`, which may be NULL:
// all, unless the call fails.
//
// Errors: as for `ringway_publish`, of the first message that wasn't published. Those before it were. With a length or
// a tag that can't be, none is.
//
// What the caller sees to:
// `producer` is NULL or a handle; `messages` leads to `count` messages, each with as many bytes as it says;
// `published` is NULL or leads to a number.
int32_t ringway_publish_batch(ringway_producer *producer,
                              const ringway_message *messages,
                              size_t count,
                              uint64_t *published);

// Claims the next slot for a message of `len` bytes at most, to be written in place: `data` leads to them. They hold
// whatever was there before, so write them all. `ringway_commit` or `ringway_abandon` ends the claim; until then other
// calls on the producer fail.
//
// The bytes are the slot's own if the ring was opened with `RINGWAY_TRUST_PEERS`, else a private buffer, which the
// commit copies. They must not be written after the commit.
//
// Errors: as for `ringway_publish`; `RINGWAY_E_NO_MEMORY`.
//
// What the caller sees to:
// `producer` is NULL or a handle; `data` leads to a pointer.
int32_t ringway_claim(ringway_producer *producer,
                      size_t len,
                      void **data);

// Publishes the first `len` bytes of what was claimed, and ends the claim.
//
// Errors: `RINGWAY_E_ARGUMENT` if nothing is claimed; `RINGWAY_E_LENGTH` if `len` is more than was claimed, or the tag
// can't be; as for `ringway_publish`. The claim has ended then, too, and nothing is published.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_commit(ringway_producer *producer,
                       size_t len,
                       uint32_t tag);

// Gives up what was claimed: nothing is published, and the sequence goes to the next message. The message that was in
// the slot a lap ago is gone all the same.
//
// Errors: `RINGWAY_E_ARGUMENT` if nothing is claimed.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_abandon(ringway_producer *producer);

// Skips sequences, waiting for room as the producer does: the next message gets `seq`, and those before it that weren't
// published never will be. Readers are told how many, as `RINGWAY_LAGGED`. The ring must be made with `can_skip`. What is
// skipped takes room as messages do, but no more than a lap of it.
//
// Errors: `RINGWAY_E_FULL`, `RINGWAY_E_TIMED_OUT`, `RINGWAY_E_INTERRUPTED`: a part may be skipped, and the same call goes
// on. `RINGWAY_E_MISMATCH` if the ring was made without `can_skip`; `RINGWAY_E_ARGUMENT` if `seq` is before the next
// message's, or while a slot is claimed; `RINGWAY_E_EXHAUSTED` past 2^62; `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`,
// `RINGWAY_E_NO_READERS`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_skip_to(ringway_producer *producer,
                                 uint64_t seq);

// Says when publishing wakes readers that sleep, which is a system call of some microseconds. If `deferred` isn't 0,
// publishing wakes nobody: `ringway_producer_wake` does. `every_ns` is the time, in nanoseconds, in which publishing
// wakes once at most; readers look again when it is over. 0 and 0, as at first: publishing wakes each reader that
// sleeps. A reader that isn't woken finds a message after 100 ms at most. A call that waits for room wakes the readers
// first.
//
// Errors: `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`; `RINGWAY_E_ARGUMENT` while
// a slot is claimed.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_defer_wake(ringway_producer *producer,
                                    int32_t deferred,
                                    uint64_t every_ns);

// Wakes the readers that sleep, whatever publishing has left asleep. 1 if there were any, else 0.
//
// Errors: as for `ringway_producer_defer_wake`.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_wake(ringway_producer *producer);

// Says how long best-effort readers may hold this producer back in all, in nanoseconds, before it passes them over:
// 100 ms at first. 0: it passes a reader over as soon as that is a lap behind. Negative: never, as for consumers.
//
// Errors: `RINGWAY_E_ARGUMENT` while a slot is claimed.
//
// What the caller sees to:
// `producer` is NULL or a handle.
int32_t ringway_producer_set_patience(ringway_producer *producer,
                                      int64_t patience_ns);

// Takes a consumer's role, in whatever cell is free. `start` is one of `RINGWAY_START_…`, of which two take `at`.
//
// Errors: `RINGWAY_E_TAKEN` if no cell is free, `RINGWAY_E_OVERWRITTEN`, `RINGWAY_E_READ_ONLY`,
// `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
//
// What the caller sees to:
// `ring` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_consumer_new(const ringway_ring *ring,
                             int32_t start,
                             uint64_t at,
                             ringway_consumer **out);

// Receives the next message, and holds it: `data` of `out` stays as it is until `ringway_consumer_release`. Several
// messages may be held at once. What isn't released holds the producer back.
//
// `wait` is one of `RINGWAY_WAIT_…`. A call that waits gives up after `timeout_ns` nanoseconds with the event
// `RINGWAY_TIMED_OUT`; if that is negative, never. Without waiting, `RINGWAY_EMPTY` says that nothing is there.
// Events come once, in place of a message.
//
// `data` leads to the message where it lies if the ring was opened with `RINGWAY_TRUST_PEERS`, else to a private copy.
// After the release it must not be read: the bytes are another message's then. It can be read without a crash all the
// same until the consumer is freed. `ringway_consumer_message` tells whether a message is held.
//
// Sequences that the producer skipped after a message that is held are told by `RINGWAY_LAGGED`, and released with that
// message.
//
// Errors: `RINGWAY_E_HELD` if all slots of the ring are held, with messages and what was skipped after one;
// `RINGWAY_E_INTERRUPTED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`,
// `RINGWAY_E_ARGUMENT`.
//
// What the caller sees to:
// `consumer` is NULL or a handle; `out` leads to an event.
int32_t ringway_consumer_recv(ringway_consumer *consumer,
                              int32_t wait,
                              int64_t timeout_ns,
                              ringway_event *out);

// Receives as many messages as are there, `max` at most, and holds them. Only the first is waited for. Returns how
// many events were set, 1 at least: all of them messages, but for the last.
//
// Errors: those of `ringway_consumer_recv`, if the first call of it would have failed.
//
// What the caller sees to:
// `consumer` is NULL or a handle; `out` leads to `max` events.
int32_t ringway_consumer_recv_batch(ringway_consumer *consumer,
                                    int32_t wait,
                                    int64_t timeout_ns,
                                    ringway_event *out,
                                    size_t max);

// Tells of a message that is held: the same event that receiving it gave.
//
// Errors: `RINGWAY_E_ARGUMENT` if message `seq` isn't held, as after its release; `RINGWAY_E_DAMAGED`,
// `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`.
//
// What the caller sees to:
// `consumer` is NULL or a handle; `out` leads to an event.
int32_t ringway_consumer_message(ringway_consumer *consumer,
                                 uint64_t seq,
                                 ringway_event *out);

// Releases the messages up to and including `through_seq`: the producer may overwrite them, and their bytes must not
// be read any more. Those after it stay held.
//
// Errors: `RINGWAY_E_ARGUMENT` if that message isn't held: nothing is released then. `RINGWAY_E_FORKED`,
// `RINGWAY_E_TRUNCATED`.
//
// What the caller sees to:
// `consumer` is NULL or a handle.
int32_t ringway_consumer_release(ringway_consumer *consumer,
                                 uint64_t through_seq);

// Skips `n` messages at most, as far as they are published, without reading them. Returns in `skipped`, which may be
// NULL, how many. No message may be held.
//
// Errors: `RINGWAY_E_HELD`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`, `RINGWAY_E_ARGUMENT`.
//
// What the caller sees to:
// `consumer` is NULL or a handle; `skipped` is NULL or leads to a number.
int32_t ringway_consumer_skip(ringway_consumer *consumer,
                              uint64_t n,
                              uint64_t *skipped);

// Tells the sequence of the oldest message that isn't released, and of the next to be received. Each pointer may be
// NULL.
//
// What the caller sees to:
// `consumer` is NULL or a handle; the others are NULL or lead to a number.
int32_t ringway_consumer_position(ringway_consumer *consumer,
                                  uint64_t *oldest,
                                  uint64_t *next);

// A descriptor for `poll`, `epoll` and their like, which becomes readable once there may be something to receive. It
// stays the handle's: it is closed with it, and not read.
//
// Receive without waiting until `RINGWAY_EMPTY` comes: that answer (or `RINGWAY_TIMED_OUT`) arms the descriptor. Until
// then it may not tell. It is readable now and then although nothing is there: that is when a call asks whether the
// producer lives, and so it is told of `RINGWAY_PRODUCER_LOST`, too. A thread of the library's own, one for up to 127
// handles, sleeps for it.
//
// A forked child inherits the descriptor. A call on the handle leaves it alone there, and fails. What the child itself
// reads from the descriptor is taken from the parent: close it in the child.
//
// Errors: `RINGWAY_E_FORKED`, `RINGWAY_E_OS`, `RINGWAY_E_ARGUMENT`.
//
// What the caller sees to:
// `consumer` is NULL or a handle.
int32_t ringway_consumer_fd(ringway_consumer *consumer);

// Ends this consumer's current or next wait: see `ringway_interrupt`. A signal handler or another thread may call it,
// while the handle isn't freed. It sets no text.
//
// What the caller sees to:
// `consumer` is NULL or a handle.
int32_t ringway_consumer_interrupt(const ringway_consumer *consumer);

// Leaves the ring, and frees the handle. NULL is nothing to free.
//
// Errors: `RINGWAY_E_HELD` if it holds messages, and the text says which: release them first. `RINGWAY_E_ARGUMENT`.
//
// What the caller sees to:
// `consumer` is NULL or a handle.
int32_t ringway_consumer_free(ringway_consumer *consumer);

// Takes a best-effort reader's role, in whatever cell of the consumers' is free. `start` is one of `RINGWAY_START_…`, of
// which two take `at`; `resume`, one of `RINGWAY_RESUME_…`, says where it goes on once it was passed over and
// overtaken: `RINGWAY_RESUME_OLDEST_SAFE` is half a lap behind the producer.
//
// Errors: `RINGWAY_E_TAKEN` if no cell is free, `RINGWAY_E_OVERWRITTEN`, `RINGWAY_E_READ_ONLY`,
// `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
//
// What the caller sees to:
// `ring` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_best_effort_new(const ringway_ring *ring,
                                int32_t start,
                                uint64_t at,
                                int32_t resume,
                                ringway_best_effort **out);

// Copies the next message to `buffer`, which has `size` bytes: `data` of `out` leads there. It may be
// NULL if `size` is 0. The message is the caller's, and nothing is to be released.
//
// `wait` and `timeout_ns` are as for `ringway_consumer_recv`, and so are the events. `RINGWAY_LAGGED` also comes
// when the producer has passed the reader over: `lost` is exact, and the producer waits for it again.
//
// Errors: as for `ringway_observer_recv`.
//
// What the caller sees to:
// `reader` is NULL or a handle; `buffer` has `size` bytes; `out` leads to an event.
int32_t ringway_best_effort_recv(ringway_best_effort *reader,
                                 int32_t wait,
                                 int64_t timeout_ns,
                                 void *buffer,
                                 size_t size,
                                 ringway_event *out);

// Tells how many messages it received, how many it lost, and the sequence of the next. Each pointer may be NULL.
//
// What the caller sees to:
// `reader` is NULL or a handle; the others are NULL or lead to a number.
int32_t ringway_best_effort_position(ringway_best_effort *reader,
                                     uint64_t *received,
                                     uint64_t *lost,
                                     uint64_t *next);

// A descriptor for `poll`, `epoll` and their like: see `ringway_consumer_fd`.
//
// What the caller sees to:
// `reader` is NULL or a handle.
int32_t ringway_best_effort_fd(ringway_best_effort *reader);

// Ends this reader's current or next wait: see `ringway_interrupt`. A signal handler or another thread may call it,
// while the handle isn't freed. It sets no text.
//
// What the caller sees to:
// `reader` is NULL or a handle.
int32_t ringway_best_effort_interrupt(const ringway_best_effort *reader);

// Frees a best-effort reader's handle. NULL is nothing to free.
//
// What the caller sees to:
// `reader` is NULL or a handle.
int32_t ringway_best_effort_free(ringway_best_effort *reader);

// Takes an observer's role. `start` is one of `RINGWAY_START_…`, of which two take `at`; `resume`, one of
// `RINGWAY_RESUME_…`, says where it goes on once it was overtaken.
//
// Errors: `RINGWAY_E_OVERWRITTEN`, `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`,
// `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
//
// What the caller sees to:
// `ring` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_observer_new(const ringway_ring *ring,
                             int32_t start,
                             uint64_t at,
                             int32_t resume,
                             ringway_observer **out);

// Copies the next message to `buffer`, which has `size` bytes: `data` of `out` leads there. It may be
// NULL if `size` is 0. The message is the caller's, and nothing is to be released.
//
// `wait` and `timeout_ns` are as for `ringway_consumer_recv`, and so are the events. `RINGWAY_LAGGED` also comes
// when the producer has overtaken the observer.
//
// Errors: `RINGWAY_E_TOO_SMALL` if the message is longer: `len` of `out` says how long, and the same message comes
// again. `RINGWAY_E_INTERRUPTED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`,
// `RINGWAY_E_ARGUMENT`.
//
// What the caller sees to:
// `observer` is NULL or a handle; `buffer` has `size` bytes; `out` leads to an event.
int32_t ringway_observer_recv(ringway_observer *observer,
                              int32_t wait,
                              int64_t timeout_ns,
                              void *buffer,
                              size_t size,
                              ringway_event *out);

// Goes to message `seq`, back or forth.
//
// Errors: `RINGWAY_E_OVERWRITTEN` if it is no longer kept, `RINGWAY_E_ARGUMENT` if it isn't published yet;
// `RINGWAY_E_DAMAGED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`.
//
// What the caller sees to:
// `observer` is NULL or a handle.
int32_t ringway_observer_seek(ringway_observer *observer,
                              uint64_t seq);

// Tells how many messages it received, how many it lost, and the sequence of the next. Each pointer may be NULL.
//
// What the caller sees to:
// `observer` is NULL or a handle; the others are NULL or lead to a number.
int32_t ringway_observer_position(ringway_observer *observer,
                                  uint64_t *received,
                                  uint64_t *lost,
                                  uint64_t *next);

// A descriptor for `poll`, `epoll` and their like: see `ringway_consumer_fd`. A producer doesn't know of observers, so
// the descriptor becomes readable every millisecond, whether there is something or not.
//
// What the caller sees to:
// `observer` is NULL or a handle.
int32_t ringway_observer_fd(ringway_observer *observer);

// Ends this observer's current or next wait: see `ringway_interrupt`. A signal handler or another thread may call it,
// while the handle isn't freed. It sets no text.
//
// What the caller sees to:
// `observer` is NULL or a handle.
int32_t ringway_observer_interrupt(const ringway_observer *observer);

// Frees an observer's handle. NULL is nothing to free.
//
// What the caller sees to:
// `observer` is NULL or a handle.
int32_t ringway_observer_free(ringway_observer *observer);

// Makes a canceller of a consumer. All of one handle are one. The program frees it, before the handle or after it.
//
// What the caller sees to:
// `consumer` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_consumer_canceller(ringway_consumer *consumer,
                                   ringway_canceller **out);

// Makes a canceller of a best-effort reader: see `ringway_consumer_canceller`.
//
// What the caller sees to:
// `reader` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_best_effort_canceller(ringway_best_effort *reader, ringway_canceller **out);

// Makes a canceller of an observer: see `ringway_consumer_canceller`.
//
// What the caller sees to:
// `observer` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_observer_canceller(ringway_observer *observer, ringway_canceller **out);

// Makes a canceller of a producer: see `ringway_consumer_canceller`.
//
// Errors: `RINGWAY_E_ARGUMENT` while a slot is claimed.
//
// What the caller sees to:
// `producer` is NULL or a handle; `out` leads to a pointer.
int32_t ringway_producer_canceller(ringway_producer *producer, ringway_canceller **out);

// Ends the wait under way of the canceller's handle within microseconds, or else the next wait, once: a reader's is the
// event `RINGWAY_CANCELLED`, a producer's fails with `-RINGWAY_E_INTERRUPTED`. A call that has its message, or its
// room, returns that. Nothing is lost.
//
// A signal handler or any thread may call it, while the canceller isn't freed. It sets no text. Once the handle is
// freed it does nothing.
//
// What the caller sees to:
// `canceller` is NULL or a handle.
int32_t ringway_canceller_cancel(const ringway_canceller *canceller);

// Frees a canceller. NULL is nothing to free.
//
// What the caller sees to:
// `canceller` is NULL or a handle, which no other thread uses.
int32_t ringway_canceller_free(ringway_canceller *canceller);

// The text of this thread's last error: what was found, what was expected and what to do. It stays until the next
// error of this thread, and is "" before the first. A call that succeeds leaves it.
const char *ringway_last_error(void);

// What a code means, in a few words, whatever its sign. It is a constant text.
const char *ringway_strerror(int32_t code);

// The library's version, as in "0.1.0".
const char *ringway_version(void);

// Ends the current or next wait of each handle of this process, once: the call fails with `-RINGWAY_E_INTERRUPTED`, at
// the latest after 20 ms. Nothing is lost. A signal handler may call it, and so may any thread.
//
// No wait ends by a signal alone: the handler calls this, or the function for one handle.
void ringway_interrupt(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGWAY_H */
