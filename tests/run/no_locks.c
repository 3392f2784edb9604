/* A file system without locks, for whoever loads this before the system's library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

int flock(int file, int how) {
    errno = ENOSYS;
    return -1;
}

#define CONTROL(name)                                                           \
    int name(int file, int what, ...) {                                         \
        static int (*real)(int, int, ...);                                      \
        va_list rest;                                                           \
        va_start(rest, what);                                                   \
        void *more = va_arg(rest, void *);                                      \
        va_end(rest);                                                           \
        if (what == F_SETLK || what == F_SETLKW || what == F_GETLK) {           \
            errno = ENOSYS;                                                     \
            return -1;                                                          \
        }                                                                       \
        if (!real) real = dlsym(RTLD_NEXT, #name);                              \
        return real(file, what, more);                                          \
    }

CONTROL(fcntl)
CONTROL(fcntl64)
