/*
 * Copies the graph data of an image to where an update service reads it, and ends.
 *
 * It is the only program of an image that `upgraph graph-data pack --runnable` makes: there is no shell, no cp and
 * no C library beside it. The image runs as an init container with a root that cannot be written, as a user that
 * is not known before, and with a volume at TARGET that may hold what an earlier start copied, whole or in part.
 *
 * A file comes into being under a name of its own and is then renamed, so that whoever looks sees an old file or a
 * whole new one. What else lies in TARGET is left alone. Times are not copied: new data shall look new. The first
 * fault ends it with status 1 and one line on standard error, which is where `kubectl logs` finds it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE "/var/lib/cincinnati-graph-data"
#define TARGET "/var/lib/cincinnati/graph-data"
#define UNFINISHED ".upgraph-copier-unfinished"
#define MAX_DEPTH 32 /* directories in one another; graph data has two */

static unsigned long long files, bytes;
static char buffer[64 * 1024];

/* A directory, at the source and at the target. */
struct place {
    const char *source, *target; /* for messages */
    int from, to;
};

_Noreturn static void fail(const char *what, const char *path, const char *name, const char *why)
{
    fprintf(stderr, "upgraph-copier: cannot %s %s%s%s: %s\n", what, path, *name ? "/" : "", name, why);
    exit(EXIT_FAILURE);
}

_Noreturn static void fail_errno(const char *what, const char *path, const char *name)
{
    fail(what, path, name, errno == ENOSPC ? "no space is left in the volume" : strerror(errno));
}

static void write_all(int out, const char *content, size_t size, const char *path, const char *name)
{
    while (size > 0) {
        ssize_t written = write(out, content, size);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            fail_errno("write", path, name);
        }
        content += written;
        size -= (size_t)written;
        bytes += (unsigned long long)written;
    }
}

static void copy_content(int in, int out, const struct place *here, const char *name)
{
    for (;;) {
        ssize_t got = read(in, buffer, sizeof buffer);
        if (got == 0)
            return;
        if (got > 0)
            write_all(out, buffer, (size_t)got, here->target, name);
        else if (errno != EINTR)
            fail_errno("read", here->source, name);
    }
}

static void copy_file(int in, mode_t mode, const struct place *here, const char *name)
{
    /* What a killed copier left is in the way; it is nobody else's, or this fails. */
    if (unlinkat(here->to, UNFINISHED, 0) < 0 && errno != ENOENT)
        fail_errno("remove", here->target, UNFINISHED);
    int out = openat(here->to, UNFINISHED, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0)
        fail_errno("write into", here->target, "");
    copy_content(in, out, here, name);
    /* Whatever the umask is: the service that reads may be another user. */
    if (fchmod(out, mode & 0777) < 0 || close(out) < 0)
        fail_errno("write", here->target, name);
    if (renameat(here->to, UNFINISHED, here->to, name) < 0)
        fail_errno("replace", here->target, name);
    files++;
}

static int open_target(int above, const char *path, const char *name, mode_t mode)
{
    int made = mkdirat(above, name, (mode & 0777) | 0700);
    if (made < 0 && errno != EEXIST)
        fail_errno("make the directory", path, above == AT_FDCWD ? "" : name);
    int opened = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (above == AT_FDCWD ? 0 : O_NOFOLLOW));
    if (opened < 0)
        fail_errno("open the directory", path, above == AT_FDCWD ? "" : name);
    return opened;
}

static void copy_directory(const struct place *here, int depth);

static void join(char *joined, const char *path, const char *name)
{
    int length = snprintf(joined, PATH_MAX, "%s/%s", path, name);
    if (length < 0 || length >= PATH_MAX)
        fail("copy", path, name, "the path is too long");
}

static void descend(int in, mode_t mode, const struct place *here, const char *name, int depth)
{
    char source[PATH_MAX], target[PATH_MAX];
    join(source, here->source, name);
    join(target, here->target, name);
    struct place below = {source, target, in, open_target(here->to, here->target, name, mode)};
    copy_directory(&below, depth + 1);
    close(below.to);
}

static void copy_entry(const struct place *here, const char *name, int depth)
{
    /* Without waiting, should it be a pipe; what it is, is only known for sure once it is open. */
    int in = openat(here->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0)
        fail("read", here->source, name, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    struct stat status;
    if (fstat(in, &status) < 0)
        fail_errno("read", here->source, name);
    if (S_ISDIR(status.st_mode)) {
        descend(in, status.st_mode, here, name, depth); /* which closes it */
        return;
    }
    if (!S_ISREG(status.st_mode))
        fail("copy", here->source, name, "it is neither a file nor a directory");
    copy_file(in, status.st_mode, here, name);
    close(in);
}

static void copy_directory(const struct place *here, int depth)
{
    if (depth > MAX_DEPTH)
        fail("copy", here->source, "", "too many directories lie in one another");
    DIR *listed = fdopendir(here->from);
    if (listed == NULL)
        fail_errno("list", here->source, "");
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(listed);
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            copy_entry(here, entry->d_name, depth);
    }
    if (errno != 0)
        fail_errno("list", here->source, "");
    closedir(listed);
}

int main(int count, char **arguments)
{
    if (count != 1 && count != 3) {
        fputs("usage: copier [SOURCE TARGET]\n", stderr);
        return EXIT_FAILURE;
    }
    struct place top = {count == 3 ? arguments[1] : SOURCE, count == 3 ? arguments[2] : TARGET, -1, -1};
    top.from = open(top.source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top.from < 0)
        fail_errno("read", top.source, "");
    top.to = open_target(AT_FDCWD, top.target, top.target, 0755);
    copy_directory(&top, 0);
    printf("upgraph-copier: copied %llu files, %llu bytes, from %s to %s\n", files, bytes, top.source, top.target);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
