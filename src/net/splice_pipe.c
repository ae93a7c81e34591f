/* splice_pipe.c - see splice_pipe.h. */
#include "net/splice_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void
give_up(struct splice_pipe *pipe, uint64_t now_ms)
{
    splice_pipe_close(pipe);
    pipe->retry_ms = now_ms + SPLICE_PIPE_RETRY_MS;
}

bool
splice_pipe_ready(struct splice_pipe *pipe, uint64_t now_ms)
{
    int fds[2];

    if (pipe->useless)
        give_up(pipe, now_ms);
    if (pipe->in != -1)
        return true;
    if (now_ms < pipe->retry_ms)
        return false;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1) {
        give_up(pipe, now_ms);
        return false;
    }
    pipe->out = fds[0];
    pipe->in = fds[1];
    /* A user may have so many pages in pipes (pipe(7)): a small one does too. */
    (void)fcntl(pipe->in, F_SETPIPE_SZ, SPLICE_PIPE_BYTES);
    return true;
}

/* What splice(2) says where it is about the call and not about the peer. */
static bool
is_unfit(int error)
{
    return error == EINVAL || error == ENOSYS || error == ENOMEM || error == EBADF;
}

struct stream_result
splice_pipe_fill(struct splice_pipe *pipe, struct stream *from, size_t bytes)
{
    ssize_t n = splice(from->fd, NULL, pipe->in, NULL, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n >= 0)
        return (struct stream_result){n > 0 ? STREAM_OK : STREAM_END, (size_t)n};
    if (errno == EAGAIN || errno == EINTR)
        return (struct stream_result){STREAM_AGAIN, 0};
    pipe->useless = is_unfit(errno);
    return (struct stream_result){pipe->useless ? STREAM_AGAIN : STREAM_ERROR, 0};
}

struct stream_result
splice_pipe_drain(struct splice_pipe *pipe, struct stream *to, size_t bytes)
{
    ssize_t n = splice(pipe->out, NULL, to->fd, NULL, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    return (struct stream_result){n > 0 ? STREAM_OK : STREAM_AGAIN, n > 0 ? (size_t)n : 0};
}

size_t
splice_pipe_read(struct splice_pipe *pipe, char *buffer, size_t bytes)
{
    ssize_t n = read(pipe->out, buffer, bytes);

    return n > 0 ? (size_t)n : 0;
}

void
splice_pipe_close(struct splice_pipe *pipe)
{
    if (pipe->in != -1) {
        (void)close(pipe->in);
        (void)close(pipe->out);
    }
    *pipe = SPLICE_PIPE_CLOSED;
}
