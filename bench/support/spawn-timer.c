/*
 * Starts programs and takes the time of each from just before its start until it was reaped, with less overhead of its
 * own than any interpreter has. A call may name a link: then its time ends when there is no link of this name any more, if
 * that is later. Reads one batch from standard input and writes the results to standard output:
 *
 *   in:  "<parallel> <calls>\n", then per call "<argc> <envc> <stdin bytes>\n", argc + envc + 1 NUL-terminated strings (the last:
 *        the link, or empty), stdin
 *   out: per call "<exit code> <nanoseconds> <stdout bytes> <stderr bytes>\n", stdout, stderr; last "<nanoseconds in all>\n"
 *
 * Input and output of the programs are memory files, so that no pipe has to be served while the clock runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct call {
    char **argv, **env, *gone;
    int in, out, err, status;
    long long ns;
};

static struct call *calls;
static int ncalls, next_call;

static void die(const char *what) {
    fprintf(stderr, "spawn-timer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) die("memfd_create");
    return fd;
}

static char **read_strings(int count) {
    char **strings = calloc((size_t)count + 1, sizeof *strings);
    for (int i = 0; i < count; i++) {
        size_t size = 0;
        if (getdelim(&strings[i], &size, 0, stdin) < 0) die("a string is missing");
    }
    return strings;
}

static void read_call(struct call *call) {
    int argc, envc;
    long bytes;
    if (scanf("%d %d %ld", &argc, &envc, &bytes) != 3 || getchar() != '\n' || argc < 1) die("malformed call");
    call->argv = read_strings(argc);
    call->env = read_strings(envc);
    call->gone = *read_strings(1);
    call->in = memory_file("stdin");
    call->out = memory_file("stdout");
    call->err = memory_file("stderr");
    char *text = malloc((size_t)bytes + 1);
    if (fread(text, 1, (size_t)bytes, stdin) != (size_t)bytes) die("standard input is cut short");
    if (write(call->in, text, (size_t)bytes) != bytes || lseek(call->in, 0, SEEK_SET) < 0) die("write stdin");
    free(text);
}

/* The caller's own limit ends us if the link stays. */
static void wait_until_gone(const char *link) {
    while (*link != '\0' && if_nametoindex(link) != 0) sched_yield();
}

static void run(struct call *call) {
    posix_spawn_file_actions_t files;
    pid_t pid;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, call->in, 0);
    posix_spawn_file_actions_adddup2(&files, call->out, 1);
    posix_spawn_file_actions_adddup2(&files, call->err, 2);
    long long start = now_ns();
    errno = posix_spawnp(&pid, call->argv[0], &files, NULL, call->argv, call->env);
    if (errno != 0) die(call->argv[0]);
    while (waitpid(pid, &call->status, 0) < 0)
        if (errno != EINTR) die("waitpid");
    wait_until_gone(call->gone);
    call->ns = now_ns() - start;
    posix_spawn_file_actions_destroy(&files);
}

static void *lane(void *unused) {
    for (int i; (i = __atomic_fetch_add(&next_call, 1, __ATOMIC_RELAXED)) < ncalls;) run(&calls[i]);
    return unused;
}

static long size_of(int fd) {
    struct stat st;
    if (fstat(fd, &st) < 0) die("fstat");
    return (long)st.st_size;
}

static void copy_out(int fd, long bytes) {
    char *text = malloc((size_t)bytes + 1);
    if (pread(fd, text, (size_t)bytes, 0) != bytes) die("read output");
    fwrite(text, 1, (size_t)bytes, stdout);
    free(text);
}

int main(void) {
    int parallel;
    if (scanf("%d %d", &parallel, &ncalls) != 2 || getchar() != '\n' || parallel < 1) die("malformed batch");
    calls = calloc((size_t)ncalls + 1, sizeof *calls);
    for (int i = 0; i < ncalls; i++) read_call(&calls[i]);
    pthread_t *lanes = calloc((size_t)parallel, sizeof *lanes);
    long long start = now_ns();
    for (int i = 0; i < parallel; i++)
        if ((errno = pthread_create(&lanes[i], NULL, lane, NULL)) != 0) die("pthread_create");
    for (int i = 0; i < parallel; i++) pthread_join(lanes[i], NULL);
    long long total = now_ns() - start;
    for (int i = 0; i < ncalls; i++) {
        long out = size_of(calls[i].out), err = size_of(calls[i].err);
        int code = WIFEXITED(calls[i].status) ? WEXITSTATUS(calls[i].status) : -1;
        printf("%d %lld %ld %ld\n", code, calls[i].ns, out, err);
        copy_out(calls[i].out, out);
        copy_out(calls[i].err, err);
    }
    printf("%lld\n", total);
    return 0;
}
