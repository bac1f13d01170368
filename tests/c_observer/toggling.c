/*
 * A hostile process that is always in time: `toggling RING`. Whenever its observer, which starts at the newest message,
 * is about to load head, it writes head: as it was, and one further, in turn. The observer must not go round for ever.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>

static const void *seen;
static uint64_t *head;
static uint64_t true_head, loads;

static void meddle(const void *word) {
    if (seen == NULL || word != seen)
        return;
    *(volatile uint64_t *)head = true_head + loads % 2;
    if (++loads > 1000)
        exit(3);
}

#define __atomic_load_n(word, order) (meddle(word), __atomic_load_n(word, order))
#include "ringway_observer.h"

int main(int count, char **arguments) {
    static unsigned char buffer[1024];
    rwobs_options options = rwobs_defaults();
    rwobs_observer ring;
    rwobs_event event;
    int fd = count == 2 ? open(arguments[1], O_RDWR) : -1;
    unsigned char *bytes;
    int32_t code;

    options.start = RWOBS_LATEST;
    if (fd < 0 || rwobs_open(&ring, arguments[1], &options) != 0)
        return 2;
    bytes = (unsigned char *)mmap(NULL, (size_t)ring.ring.total_length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return 2;
    head = (uint64_t *)(void *)(bytes + ring.ring.producer_offset);
    true_head = *head;
    seen = ring.base_ + ring.ring.producer_offset;
    code = rwobs_recv(&ring, buffer, sizeof buffer, 0, &event);
    printf("error %d: %s\n", -code, ring.error);
    return 0;
}
