/* A library to preload (LD_PRELOAD) that makes the n-th call on files fail, or kills the process at it.
 *
 * FAILING_CALLS names a file of one page that all processes share; `benchmarks/faults/preload.py` writes and reads it.
 * Only calls on files below the folder `under` count, so Python and its packages load undisturbed. Calls count over all
 * processes together. glibc's own calls (buffered streams) are covered by fopen and fwrite.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ONCE = 1, FROM_THEN_ON = 2, KILL = 3 };
enum { CHANGES = 1, READS = 2, NAMES = 4, FREES = 8 }; /* what a call does: changes a file, reads one, takes a path, frees space */

struct plan {
    atomic_long armed;   /* 0: count nothing */
    atomic_long count;   /* calls until now */
    long at;             /* the call that fails, from 1; 0: none */
    long how;            /* ONCE, FROM_THEN_ON or KILL */
    long error;          /* errno of a failing call */
    long classes;        /* a call counts if it is of one of these classes */
    long excluded;       /* and of none of these */
    atomic_long failed;  /* calls that failed */
    char what[512];      /* the first of them: function and path */
    char under[1024];    /* absolute path of the folder */
};

static struct plan *plan;

__attribute__((constructor)) static void attach(void) {
    const char *name = getenv("FAILING_CALLS");
    if (!name) return;
    int file = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return;
    void *page = (void *)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (page != MAP_FAILED) plan = page;
}

static int below(const char *path) {
    size_t length = strlen(plan->under);
    return length && !strncmp(path, plan->under, length) && (path[length] == '/' || !path[length]);
}

static int path_of_descriptor(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int absolute(int folder, const char *name, char *path) {
    if (!name) return 0;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return 1;
    }
    char base[PATH_MAX];
    if (folder == AT_FDCWD) {
        if (syscall(SYS_getcwd, base, PATH_MAX) < 0) return 0;
    } else if (!path_of_descriptor(folder, base)) {
        return 0;
    }
    snprintf(path, PATH_MAX, "%.2000s/%.2000s", base, name);
    return 1;
}

/* Count a call; 1 if it is to fail now (errno is set). A process to be killed dies here, unless `torn` is given: then 2. */
static int fails(const char *function, const char *path, int classes, int torn) {
    if (!plan || !atomic_load(&plan->armed) || !(classes & plan->classes) || (classes & plan->excluded)) return 0;
    if (!below(path)) return 0;
    long number = atomic_fetch_add(&plan->count, 1) + 1;
    if (!plan->at || number < plan->at || (plan->how != FROM_THEN_ON && number > plan->at)) return 0;
    if (!atomic_fetch_add(&plan->failed, 1)) snprintf(plan->what, sizeof plan->what, "%s %s", function, path);
    if (plan->how == KILL) {
        if (torn) return 2;
        syscall(SYS_kill, getpid(), SIGKILL);
    }
    errno = plan->error;
    return 1;
}

static int fails_at(const char *function, int folder, const char *name, int classes) {
    char path[PATH_MAX];
    return plan && atomic_load(&plan->armed) && absolute(folder, name, path) && fails(function, path, classes, 0);
}

static int fails_on(const char *function, int descriptor, int classes, int torn) {
    char path[PATH_MAX];
    return plan && atomic_load(&plan->armed) && path_of_descriptor(descriptor, path) ? fails(function, path, classes, torn) : 0;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static int class_of_flags(int flags) {
    return NAMES | ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT) ? READS : CHANGES);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        MODE(flags) \
        REAL(int, name, const char *, int, ...); \
        return fails_at("open", AT_FDCWD, path, class_of_flags(flags)) ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        MODE(flags) \
        REAL(int, name, int, const char *, int, ...); \
        return fails_at("open", folder, path, class_of_flags(flags)) ? -1 : real(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        REAL(FILE *, name, const char *, const char *); \
        int classes = NAMES | (mode[0] == 'r' && !strchr(mode, '+') ? READS : CHANGES); \
        return fails_at("fopen", AT_FDCWD, path, classes) ? NULL : real(path, mode); \
    }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t write(int file, const void *bytes, size_t length) {
    REAL(ssize_t, write, int, const void *, size_t);
    int failure = fails_on("write", file, CHANGES, 1);
    if (failure == 2) { /* half of the bytes, then the end */
        real(file, bytes, length / 2);
        syscall(SYS_kill, getpid(), SIGKILL);
    }
    return failure ? -1 : real(file, bytes, length);
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
    REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
    return fails_on("fwrite", fileno(stream), CHANGES, 0) ? 0 : real(bytes, size, count, stream);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    return fails_on("writev", file, CHANGES, 0) ? -1 : real(file, parts, count);
}

#define PWRITE(name) \
    ssize_t name(int file, const void *bytes, size_t length, off_t offset) { \
        REAL(ssize_t, name, int, const void *, size_t, off_t); \
        return fails_on("pwrite", file, CHANGES, 0) ? -1 : real(file, bytes, length, offset); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define SENDFILE(name) \
    ssize_t name(int to, int from, off_t *offset, size_t length) { \
        REAL(ssize_t, name, int, int, off_t *, size_t); \
        return fails_on("sendfile", to, CHANGES, 0) ? -1 : real(to, from, offset, length); \
    }
SENDFILE(sendfile)
SENDFILE(sendfile64)

int fsync(int file) {
    REAL(int, fsync, int);
    return fails_on("fsync", file, CHANGES, 0) ? -1 : real(file);
}

int fdatasync(int file) {
    REAL(int, fdatasync, int);
    return fails_on("fdatasync", file, CHANGES, 0) ? -1 : real(file);
}

#define TRUNCATE(name) \
    int name(int file, off_t length) { \
        REAL(int, name, int, off_t); \
        return fails_on("ftruncate", file, CHANGES, 0) ? -1 : real(file, length); \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return fails_at("rename", AT_FDCWD, to, CHANGES | NAMES | FREES) ? -1 : real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    return fails_at("rename", to_folder, to, CHANGES | NAMES | FREES) ? -1 : real(from_folder, from, to_folder, to);
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    return fails_at("unlink", AT_FDCWD, path, CHANGES | NAMES | FREES) ? -1 : real(path);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    return fails_at("unlink", folder, path, CHANGES | NAMES | FREES) ? -1 : real(folder, path, flags);
}

int rmdir(const char *path) {
    REAL(int, rmdir, const char *);
    return fails_at("rmdir", AT_FDCWD, path, CHANGES | NAMES | FREES) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    return fails_at("mkdir", AT_FDCWD, path, CHANGES | NAMES) ? -1 : real(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t);
    return fails_at("mkdir", folder, path, CHANGES | NAMES) ? -1 : real(folder, path, mode);
}

#define MMAP(name) \
    void *name(void *address, size_t length, int protection, int flags, int file, off_t offset) { \
        REAL(void *, name, void *, size_t, int, int, int, off_t); \
        if (file >= 0 && fails_on("mmap", file, READS, 0)) return MAP_FAILED; \
        return real(address, length, protection, flags, file, offset); \
    }
MMAP(mmap)
MMAP(mmap64)
