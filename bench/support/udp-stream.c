/*
 * Small numbered UDP packets, as fast as the way between carries them: never more than a window of them is on the way,
 * so that none needs to be lost and the sender does not burn what the way could use.
 *
 *   bench-udp-stream serve PORT                               says "listening", until it is killed
 *   bench-udp-stream send ADDRESS PORT COUNT SIZE WINDOW      prints nanoseconds; fails unless all arrived whole
 *   bench-udp-stream send-joined ...                          the same, but gives the kernel many at once to cut (GSO)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { LARGEST = 1400, BATCH = 32, SILENCE_MS = 3000, BUFFER_BYTES = 4 << 20 };

static _Noreturn void die(const char *what) {
    fprintf(stderr, "udp-stream: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_socket(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = BUFFER_BYTES;
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return fd;
}

/* A packet: its number, then bytes that follow from it. */
static void fill(uint8_t *packet, size_t size, uint32_t number) {
    memcpy(packet, &number, sizeof number);
    memset(packet + sizeof number, (int)(number & 0xff), size - sizeof number);
}

static int whole(const uint8_t *packet, size_t size, uint32_t number) {
    uint8_t expected[LARGEST];
    fill(expected, size, number);
    return memcmp(packet, expected, size) == 0;
}

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    struct sockaddr_in from[BATCH];
    uint8_t packets[BATCH][LARGEST];
};

static void prepare(struct batch *batch, size_t size) {
    memset(batch->messages, 0, sizeof batch->messages);
    for (int i = 0; i < BATCH; i++) {
        batch->pieces[i] = (struct iovec){batch->packets[i], size};
        batch->messages[i].msg_hdr.msg_iov = &batch->pieces[i];
        batch->messages[i].msg_hdr.msg_iovlen = 1;
    }
}

/* Packet 0 begins a stream. Once a batch it says how many came whole and in order. */
static void serve(struct sockaddr_in address) {
    static struct batch batch;
    int fd = open_socket();
    uint32_t arrived = 0;
    address.sin_addr.s_addr = INADDR_ANY;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    puts("listening");
    fflush(stdout);
    for (;;) {
        prepare(&batch, LARGEST);
        for (int i = 0; i < BATCH; i++) {
            batch.messages[i].msg_hdr.msg_name = &batch.from[i];
            batch.messages[i].msg_hdr.msg_namelen = sizeof batch.from[i];
        }
        int taken = recvmmsg(fd, batch.messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < taken; i++) {
            size_t size = batch.messages[i].msg_len;
            uint32_t number;
            memcpy(&number, batch.packets[i], sizeof number);
            if (size < sizeof number) continue;
            if (number == 0) arrived = 0;
            if (number == arrived && whole(batch.packets[i], size, number)) arrived++;
        }
        if (taken > 0) sendto(fd, &arrived, sizeof arrived, 0, (struct sockaddr *)&batch.from[0], sizeof batch.from[0]);
    }
}

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint32_t wait_for_report(int fd, uint32_t arrived) {
    uint32_t report;
    struct pollfd more = {fd, POLLIN, 0};
    if (poll(&more, 1, SILENCE_MS) <= 0) {
        fprintf(stderr, "udp-stream: silence after %u packets\n", arrived);
        exit(1);
    }
    while (recv(fd, &report, sizeof report, MSG_DONTWAIT) == sizeof report)
        if (report > arrived) arrived = report;
    return arrived;
}

/* As one payload, cut behind every `size` bytes (UDP_SEGMENT of linux/udp.h). Returns how many were sent. */
static int send_joined(int fd, struct batch *batch, uint32_t count, size_t size) {
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct msghdr message = {.msg_iov = batch->pieces, .msg_iovlen = count, .msg_control = control};
    uint16_t segment = (uint16_t)size;
    message.msg_controllen = sizeof control;
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    *part = (struct cmsghdr){.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof segment)};
    memcpy(CMSG_DATA(part), &segment, sizeof segment);
    return sendmsg(fd, &message, 0) < 0 ? -1 : (int)count;
}

static void send_all(struct sockaddr_in address, uint32_t count, size_t size, uint32_t window, int joined) {
    static struct batch batch;
    uint32_t arrived = 0;
    int fd = open_socket();
    if (size < sizeof arrived || size > LARGEST) die("a packet has 4 to 1400 bytes");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    prepare(&batch, size);
    long long start = now_ns();
    for (uint32_t sent = 0; arrived < count;) {
        while (sent < count && sent - arrived < window) {
            uint32_t room = window - (sent - arrived), left = count - sent, filled = 0;
            while (filled < BATCH && filled < room && filled < left) {
                fill(batch.packets[filled], size, sent + filled);
                filled++;
            }
            int taken = joined ? send_joined(fd, &batch, filled, size) : sendmmsg(fd, batch.messages, filled, 0);
            if (taken < 0) die("send");
            sent += (uint32_t)taken;
        }
        arrived = wait_for_report(fd, arrived);
    }
    printf("%lld\n", now_ns() - start);
}

int main(int count, char **arguments) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (count == 3 && strcmp(arguments[1], "serve") == 0) {
        address.sin_port = htons((uint16_t)atoi(arguments[2]));
        serve(address);
    } else if (count == 7 && strncmp(arguments[1], "send", 4) == 0 &&
               inet_pton(AF_INET, arguments[2], &address.sin_addr) == 1) {
        address.sin_port = htons((uint16_t)atoi(arguments[3]));
        send_all(address, (uint32_t)atoi(arguments[4]), (size_t)atoi(arguments[5]), (uint32_t)atoi(arguments[6]),
                 strcmp(arguments[1], "send-joined") == 0);
    } else {
        fprintf(stderr, "usage: udp-stream serve PORT | send[-joined] ADDRESS PORT COUNT SIZE WINDOW\n");
        return 2;
    }
    return 0;
}
