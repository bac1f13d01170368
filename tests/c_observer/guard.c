/*
 * A program that handles SIGBUS itself, and observes a ring: `guard RING OTHER`. The guard of its observer must
 * leave to the program's handler what concerns OTHER, a file that it maps and cuts short itself.
 */
#include "ringway_observer.h"

#include <setjmp.h>

static sigjmp_buf jump;
static volatile sig_atomic_t handled;

static void on_sigbus(int number) {
    handled = handled + 1;
    if (number == SIGBUS && handled < 3)
        siglongjmp(jump, 1);
}

int main(int count, char **paths) {
    struct sigaction action;
    rwobs_observer ring;
    rwobs_event event;
    char text[8];
    int fd;
    volatile char *map;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_sigbus;
    action.sa_flags = SA_NODEFER;
    if (count != 3 || sigaction(SIGBUS, &action, NULL) != 0 || rwobs_open(&ring, paths[1], NULL) != 0)
        return 2;
    fd = open(paths[2], O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        return 3;
    map = (volatile char *)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || ftruncate(fd, 0) != 0)
        return 4;
    sigsetjmp(jump, 1);
    if (handled < 2)
        (void)*map;
    raise(SIGBUS);
    printf("passed on %d times, then ", (int)handled);
    if (truncate(paths[1], 0) != 0 || rwobs_recv(&ring, text, sizeof text, 0, &event) != -RWOBS_E_TRUNCATED)
        return 5;
    if (rwobs_recv(&ring, text, sizeof text, -1, &event) != -RWOBS_E_TRUNCATED || handled != 3)
        return 6;
    printf("cut short\n");
    rwobs_close(&ring);
    rwobs_close(&ring);
    return rwobs_recv(&ring, text, sizeof text, 0, &event) == -RWOBS_E_ARGUMENT ? 0 : 7;
}
