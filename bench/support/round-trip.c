/*
 * Small requests and answers over one TCP connection: how long one takes.
 *
 *   bench-round-trip serve PORT                 answers whoever connects, one after the other, until it is killed
 *   bench-round-trip ask ADDRESS PORT COUNT     prints the median in nanoseconds
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void die(const char *what) {
    fprintf(stderr, "round-trip: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int stream(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) die("socket");
    return fd;
}

static void no_delay(int fd) {
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) die("TCP_NODELAY");
}

static void serve(struct sockaddr_in address) {
    int listening = stream();
    char byte;
    address.sin_addr.s_addr = INADDR_ANY;
    if (bind(listening, (struct sockaddr *)&address, sizeof address) < 0 || listen(listening, 8) < 0) die("listen");
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) die("accept");
        no_delay(fd);
        while (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1) continue;
        close(fd);
    }
}

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

static void ask(struct sockaddr_in address, int count) {
    long long *took = calloc((size_t)count, sizeof *took);
    char byte = 'x';
    int fd = stream();
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    no_delay(fd);
    for (int i = 0; i < count; i++) {
        long long start = now_ns();
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1) die("the other end is gone");
        took[i] = now_ns() - start;
    }
    qsort(took, (size_t)count, sizeof *took, by_size);
    printf("%lld\n", took[count / 2]);
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        address.sin_port = htons((uint16_t)atoi(argv[2]));
        serve(address);
    }
    if (argc != 5 || strcmp(argv[1], "ask") != 0 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) return 2;
    address.sin_port = htons((uint16_t)atoi(argv[3]));
    ask(address, atoi(argv[4]));
    return 0;
}
