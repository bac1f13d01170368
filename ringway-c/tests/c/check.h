/* What the test programs have in common. They are C11 and C++17 at once. */
#ifndef CHECK_H
#define CHECK_H

#include <ringway.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program unless `condition` holds. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, \
                    ringway_last_error());                                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* Ends the program unless `call` fails with `code`, and with a text that contains `part`. */
#define FAILS(call, code, part)                                                                    \
    do {                                                                                           \
        int32_t answer_ = (call);                                                                  \
        if (answer_ != -(code) || strstr(ringway_last_error(), (part)) == NULL) {                  \
            fprintf(stderr, "%s:%d: %s: got %d (%s), expected %d and a text with '%s'\n", __FILE__, \
                    __LINE__, #call, (int)answer_, ringway_last_error(), -(code), (part));         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* Nothing hangs for longer. */
static const int64_t PATIENCE = INT64_C(30000000000);

/* The path of a ring in the directory that the program was given. */
static inline const char *in_directory(const char *directory, const char *name) {
    static char path[4][512];
    static unsigned next;
    char *into = path[next++ % 4];
    snprintf(into, sizeof path[0], "%s/%s", directory, name);
    return into;
}

/* Options with these flags. */
static inline ringway_options with_flags(uint32_t flags) {
    ringway_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.flags = flags;
    return options;
}

/* A small ring's configuration. */
static inline ringway_config small_ring(void) {
    ringway_config config;
    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.slots = 8;
    config.max_consumers = 2;
    return config;
}

#endif
