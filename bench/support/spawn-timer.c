/*
 * Starts programs and takes the time of each call from just before its start until it was reaped, with less overhead of its
 * own than any interpreter has. A call is one program, or several of which each is started when the one before has ended
 * with 0 and may be given what that one printed. A call may name a link: then its time ends when there is no link of this
 * name any more, if that is later. Reads one batch from standard input and writes the results to standard output:
 *
 *   in:  "<parallel> <calls>\n", then per call "<programs>\n", a NUL-terminated string (the link, or empty), and per program
 *        "<argc> <envc> <stdin bytes> <more stdin bytes>\n", argc + envc NUL-terminated strings, stdin, more stdin; if
 *        there is more, what the program before printed goes in between
 *   out: per call "<exit code> <nanoseconds> <stdout bytes> <stderr bytes>\n", stdout, stderr, all three of the last
 *        program that was started; last "<nanoseconds in all>\n"
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

struct program {
    char **argv, **env;
    int in, out, err;
    char *more; /* standard input behind what the program before printed */
    size_t more_length;
};

struct call {
    struct program *programs;
    int count, last, status;
    char *gone;
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

static char *read_bytes(long length) {
    char *bytes = malloc((size_t)length + 1);
    if (fread(bytes, 1, (size_t)length, stdin) != (size_t)length) die("standard input is cut short");
    return bytes;
}

static void put(int fd, const char *bytes, size_t length) {
    if (write(fd, bytes, length) != (ssize_t)length) die("write stdin");
}

static void read_program(struct program *program) {
    int argc, envc;
    long length, more_length;
    if (scanf("%d %d %ld %ld", &argc, &envc, &length, &more_length) != 4 || getchar() != '\n' || argc < 1)
        die("malformed program");
    program->argv = read_strings(argc);
    program->env = read_strings(envc);
    program->in = memory_file("stdin");
    program->out = memory_file("stdout");
    program->err = memory_file("stderr");
    char *bytes = read_bytes(length);
    put(program->in, bytes, (size_t)length);
    free(bytes);
    program->more = read_bytes(more_length);
    program->more_length = (size_t)more_length;
}

static void read_call(struct call *call) {
    if (scanf("%d", &call->count) != 1 || getchar() != '\n' || call->count < 1) die("malformed call");
    call->gone = *read_strings(1);
    call->programs = calloc((size_t)call->count, sizeof *call->programs);
    for (int i = 0; i < call->count; i++) read_program(&call->programs[i]);
}

/* The caller's own limit ends us if the link stays. */
static void wait_until_gone(const char *link) {
    while (*link != '\0' && if_nametoindex(link) != 0) sched_yield();
}

static void run_program(const struct program *program, int *status) {
    posix_spawn_file_actions_t files;
    pid_t pid;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, program->in, 0);
    posix_spawn_file_actions_adddup2(&files, program->out, 1);
    posix_spawn_file_actions_adddup2(&files, program->err, 2);
    errno = posix_spawnp(&pid, program->argv[0], &files, NULL, program->argv, program->env);
    if (errno != 0) die(program->argv[0]);
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR) die("waitpid");
    posix_spawn_file_actions_destroy(&files);
}

static char *output_of(int fd, long *length) {
    struct stat st;
    if (fstat(fd, &st) < 0) die("fstat");
    char *bytes = malloc((size_t)st.st_size + 1);
    if (pread(fd, bytes, (size_t)st.st_size, 0) != st.st_size) die("read output");
    *length = (long)st.st_size;
    return bytes;
}

/* Completes the standard input, if it waits for the output of the program before, and goes to its start. */
static void prepare_input(const struct program *program, const struct program *before) {
    if (before != NULL && program->more_length > 0) {
        long length;
        char *printed = output_of(before->out, &length);
        put(program->in, printed, (size_t)length);
        free(printed);
    }
    put(program->in, program->more, program->more_length);
    if (lseek(program->in, 0, SEEK_SET) < 0) die("lseek");
}

static void run(struct call *call) {
    prepare_input(&call->programs[0], NULL);
    long long start = now_ns();
    for (int i = 0; i < call->count; i++) {
        if (i > 0) prepare_input(&call->programs[i], &call->programs[i - 1]);
        call->last = i;
        run_program(&call->programs[i], &call->status);
        if (call->status != 0) break;
    }
    if (call->status == 0) wait_until_gone(call->gone);
    call->ns = now_ns() - start;
}

static void *lane(void *unused) {
    for (int i; (i = __atomic_fetch_add(&next_call, 1, __ATOMIC_RELAXED)) < ncalls;) run(&calls[i]);
    return unused;
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
        const struct program *last = &calls[i].programs[calls[i].last];
        long out_length, err_length;
        char *out = output_of(last->out, &out_length), *err = output_of(last->err, &err_length);
        int code = WIFEXITED(calls[i].status) ? WEXITSTATUS(calls[i].status) : -1;
        printf("%d %lld %ld %ld\n", code, calls[i].ns, out_length, err_length);
        fwrite(out, 1, (size_t)out_length, stdout);
        fwrite(err, 1, (size_t)err_length, stdout);
        free(out);
        free(err);
    }
    printf("%lld\n", total);
    return 0;
}
