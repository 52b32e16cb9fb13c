/* Frames on their way to the daemon, in a buffer that does not grow: who fills it waits for the daemon to read. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stddef.h>
#include <sys/types.h>

#include "protocol.h"

enum {
  OUTBOX_SIZE = 2 * (FRAME_HEADER + FRAME_MAX),
  OUTBOX_RESERVED = 4096, /* kept free of output, for the frames that end a command */
};

struct outbox {
  size_t start, end;
  char bytes[OUTBOX_SIZE];
};

/* Adds a frame from the reserve: meant for the few short ones that are not output. */
void outbox_put(struct outbox *outbox, int type, const void *payload, size_t length);
/* Reads from `fd` into one frame. What read(2) gave; or -1 with EAGAIN when there is no room. */
ssize_t outbox_read(struct outbox *outbox, int type, int fd);
/* Is there room enough to ask for output? */
int outbox_has_room(const struct outbox *outbox);
int outbox_is_empty(const struct outbox *outbox);
/* Sends what the daemon takes without waiting. When the daemon is gone, poll says so. */
void outbox_flush(struct outbox *outbox, int connection);

#endif
