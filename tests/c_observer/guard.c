/*
 * A program that handles SIGBUS itself, before and after it observes a ring: `guard RING OTHER`. The guard of its
 * observer must leave to the first handler what concerns OTHER, a file that the program maps and cuts short. The
 * second handler passes on all that it gets.
 */
#include "ringway_observer.h"

#include <setjmp.h>

static sigjmp_buf jump;
static volatile sig_atomic_t handled;

static struct sigaction guard;

static void pass_on(int number, siginfo_t *info, void *context) {
    guard.sa_sigaction(number, info, context);
}

static void on_sigbus(int number) {
    handled = handled + 1;
    if (number == SIGBUS && handled < 2)
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
    memset(&action, 0, sizeof action);
    action.sa_sigaction = pass_on;
    action.sa_flags = SA_NODEFER | SA_SIGINFO;
    if (sigaction(SIGBUS, &action, &guard) != 0)
        return 8;
    fd = open(paths[2], O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        return 3;
    map = (volatile char *)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || ftruncate(fd, 0) != 0)
        return 4;
    sigsetjmp(jump, 1);
    if (handled < 1)
        (void)*map;
    raise(SIGBUS);
    raise(SIGBUS);
    raise(SIGBUS);
    printf("passed on %d times, then ", (int)handled);
    if (truncate(paths[1], 0) != 0 || rwobs_recv(&ring, text, sizeof text, 0, &event) != -RWOBS_E_TRUNCATED)
        return 5;
    if (rwobs_recv(&ring, text, sizeof text, -1, &event) != -RWOBS_E_TRUNCATED || handled != 4)
        return 6;
    printf("cut short\n");
    rwobs_close(&ring);
    rwobs_close(&ring);
    return rwobs_recv(&ring, text, sizeof text, 0, &event) == -RWOBS_E_ARGUMENT ? 0 : 7;
}
