/*
 * The mapping: loads of its words, and the guard against a file that is cut short. Part of ringway_observer.h.
 *
 * A ring's word is loaded relaxed, and an acquire fence follows where docs/format.md names one.
 */
#ifndef RINGWAY_OBSERVER_MEMORY_H
#define RINGWAY_OBSERVER_MEMORY_H

/* Writes the error's text, and returns the code, negated. */
__attribute__((format(printf, 3, 4))) static inline int32_t rwobs_fail_(rwobs_observer *o, int32_t code,
                                                                        const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(o->error, sizeof o->error, format, arguments);
    va_end(arguments);
    return -code;
}

static inline uint64_t rwobs_load_(const rwobs_observer *o, uint64_t at) {
    return __atomic_load_n(RWOBS_AS_(const uint64_t *, RWOBS_AS_(const void *, o->base_ + at)), __ATOMIC_RELAXED);
}

static inline uint64_t rwobs_acquire_(const rwobs_observer *o, uint64_t at) {
    uint64_t word = rwobs_load_(o, at);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return word;
}

static inline void rwobs_copy_word_(const unsigned char *from, unsigned char *to, size_t length) {
    uint64_t word = __atomic_load_n(RWOBS_AS_(const uint64_t *, RWOBS_AS_(const void *, from)), __ATOMIC_RELAXED);
    memcpy(to, &word, length);
}

/* Copies by whole words: the producer may write to them meanwhile. A slot is as long as its last word. */
static inline void rwobs_copy_(const rwobs_observer *o, unsigned char *to, uint64_t at, size_t length) {
    const unsigned char *from = o->base_ + at;
    /* A line at a time: compilers don't unroll loops of atomic loads. */
    for (; length >= 64; length -= 64, from += 64, to += 64) {
        rwobs_copy_word_(from, to, 8);
        rwobs_copy_word_(from + 8, to + 8, 8);
        rwobs_copy_word_(from + 16, to + 16, 8);
        rwobs_copy_word_(from + 24, to + 24, 8);
        rwobs_copy_word_(from + 32, to + 32, 8);
        rwobs_copy_word_(from + 40, to + 40, 8);
        rwobs_copy_word_(from + 48, to + 48, 8);
        rwobs_copy_word_(from + 56, to + 56, 8);
    }
    for (; length >= 8; length -= 8, from += 8, to += 8)
        rwobs_copy_word_(from, to, 8);
    if (length > 0)
        rwobs_copy_word_(from, to, length);
}

/* A mapping that the guard knows. Nodes are never freed, since a handler may walk them; they are used again. */
typedef struct rwobs_node_ {
    struct rwobs_node_ *next;
    uintptr_t start, end; /* 0 while the node is free */
    int taken, cut;
} rwobs_node_;

typedef struct rwobs_guard_ {
    rwobs_node_ *nodes;
    struct sigaction before;
    int installed; /* 0 no, 1 being installed, 2 yes */
} rwobs_guard_;

static inline rwobs_guard_ *rwobs_the_guard_(void) {
    static rwobs_guard_ guard;
    return &guard;
}

/* Puts zeros in place of the whole mapping, so that the loads go on; the call then finds `cut`. */
static inline int rwobs_is_ours_(void *address) {
    uintptr_t at = RWOBS_ADDRESS_(uintptr_t, address);
    rwobs_node_ *node = __atomic_load_n(&rwobs_the_guard_()->nodes, __ATOMIC_ACQUIRE);
    for (; node != NULL; node = node->next) {
        uintptr_t start = __atomic_load_n(&node->start, __ATOMIC_ACQUIRE);
        uintptr_t end = __atomic_load_n(&node->end, __ATOMIC_RELAXED);
        if (start != 0 && at >= start && at < end) {
            __atomic_store_n(&node->cut, 1, __ATOMIC_RELAXED);
            return mmap(RWOBS_ADDRESS_(void *, start), end - start, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
        }
    }
    return 0;
}

static inline void rwobs_on_sigbus_(int number, siginfo_t *info, void *context);

/* Whether the process's handler is this guard. */
static inline int rwobs_is_installed_(struct sigaction *now) {
    return sigaction(SIGBUS, NULL, now) == 0 && (now->sa_flags & SA_SIGINFO) != 0 &&
           now->sa_sigaction == rwobs_on_sigbus_;
}

/* Installs the guard, which passes on to `before`. */
static inline int rwobs_put_(const struct sigaction *before) {
    struct sigaction ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = rwobs_on_sigbus_;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    rwobs_the_guard_()->before = *before;
    return sigaction(SIGBUS, &ours, NULL) == 0;
}

/* What isn't the guard's goes to the handler that was there before. */
static inline void rwobs_pass_on_(int number, siginfo_t *info, void *context) {
    struct sigaction *before = &rwobs_the_guard_()->before, now;
    /* It isn't if a later handler passes on to it: to install it again would make a circle of the two. */
    int was_installed = rwobs_is_installed_(&now), is_fault = info->si_code > 0;
    if ((before->sa_flags & SA_SIGINFO) != 0) {
        before->sa_sigaction(number, info, context);
    } else if (before->sa_handler == SIG_DFL || (is_fault && before->sa_handler == SIG_IGN)) {
        /* The default action: at the same access again, or by the same signal again. */
        signal(SIGBUS, SIG_DFL);
        if (!is_fault)
            raise(SIGBUS);
        return;
    } else if (before->sa_handler != SIG_IGN) {
        before->sa_handler(number);
    }
    /* That handler may have taken the guard away, to have the default action done at the next access. */
    if (was_installed && !rwobs_is_installed_(&now))
        rwobs_put_(&now);
}

static inline void rwobs_on_sigbus_(int number, siginfo_t *info, void *context) {
    int saved = errno;
    if (info->si_code <= 0 || !rwobs_is_ours_(info->si_addr))
        rwobs_pass_on_(number, info, context);
    errno = saved;
}

static inline int rwobs_install_(void) {
    rwobs_guard_ *guard = rwobs_the_guard_();
    struct sigaction before;
    int none = 0, done;
    if (__atomic_compare_exchange_n(&guard->installed, &none, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        done = sigaction(SIGBUS, NULL, &before) == 0 && rwobs_put_(&before);
        __atomic_store_n(&guard->installed, done ? 2 : 0, __ATOMIC_RELEASE);
        return done;
    }
    while (__atomic_load_n(&guard->installed, __ATOMIC_ACQUIRE) == 1)
        sched_yield();
    return __atomic_load_n(&guard->installed, __ATOMIC_ACQUIRE) == 2;
}

/* A node that no mapping has; null without memory. */
static inline rwobs_node_ *rwobs_take_node_(void) {
    rwobs_guard_ *guard = rwobs_the_guard_();
    rwobs_node_ *node = __atomic_load_n(&guard->nodes, __ATOMIC_ACQUIRE);
    for (; node != NULL; node = node->next) {
        int none = 0;
        if (__atomic_compare_exchange_n(&node->taken, &none, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return node;
    }
    node = RWOBS_AS_(rwobs_node_ *, calloc(1, sizeof *node));
    if (node != NULL) {
        node->taken = 1;
        node->next = __atomic_load_n(&guard->nodes, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&guard->nodes, &node->next, node, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
        }
    }
    return node;
}

/* Whether the guard put zeros in place of the mapping. What was loaded before is then worth nothing. */
static inline int rwobs_is_cut_(const rwobs_observer *o) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return o->guard_ != NULL && __atomic_load_n(&o->guard_->cut, __ATOMIC_RELAXED);
}

static inline int32_t rwobs_truncated_(rwobs_observer *o) {
    return rwobs_fail_(o, RWOBS_E_TRUNCATED,
                       "the file was cut short, or a part of it can't be read, under the observer: make the ring anew");
}

/* Whether the file still reaches to the ring's end, which costs a system call. */
static inline int32_t rwobs_check_length_(rwobs_observer *o) {
    struct stat found;
    if (rwobs_is_cut_(o) ||
        (fstat(o->fd_, &found) == 0 && RWOBS_AS_(uint64_t, found.st_size) < o->offset_ + o->ring.total_length))
        return rwobs_truncated_(o);
    return 0;
}

static inline int32_t rwobs_map_(rwobs_observer *o, int guarded) {
    uint64_t length = o->ring.total_length;
    void *base = MAP_FAILED;
    if (guarded && (!rwobs_install_() || (o->guard_ = rwobs_take_node_()) == NULL))
        return rwobs_fail_(o, RWOBS_E_SYSTEM, "the guard against SIGBUS can't be installed: %s", strerror(errno));
    errno = ENOMEM;
    if (length <= SIZE_MAX)
        base = mmap(NULL, RWOBS_AS_(size_t, length), PROT_READ, MAP_SHARED | MAP_NORESERVE, o->fd_,
                    RWOBS_AS_(off_t, o->offset_));
    if (base == MAP_FAILED)
        return rwobs_fail_(o, RWOBS_E_SYSTEM, "the ring's %" PRIu64 " bytes can't be mapped: %s", length,
                           strerror(errno));
    o->base_ = RWOBS_AS_(const unsigned char *, base);
    if (o->guard_ != NULL) {
        __atomic_store_n(&o->guard_->cut, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&o->guard_->end, RWOBS_ADDRESS_(uintptr_t, base) + RWOBS_AS_(size_t, length),
                         __ATOMIC_RELAXED);
        __atomic_store_n(&o->guard_->start, RWOBS_ADDRESS_(uintptr_t, base), __ATOMIC_RELEASE);
    }
    return 0;
}

static inline void rwobs_unmap_(rwobs_observer *o) {
    if (o->guard_ != NULL) {
        /* Before the addresses may be another mapping's. */
        __atomic_store_n(&o->guard_->start, RWOBS_AS_(uintptr_t, 0), __ATOMIC_RELEASE);
        __atomic_store_n(&o->guard_->taken, 0, __ATOMIC_RELEASE);
    }
    if (o->base_ != NULL)
        munmap(RWOBS_ADDRESS_(void *, RWOBS_ADDRESS_(uintptr_t, o->base_)), RWOBS_AS_(size_t, o->ring.total_length));
    o->guard_ = NULL;
    o->base_ = NULL;
}

#endif
