#include "outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORTHWHILE = 2 * OUTBOX_RESERVED };

/* Bytes free at the end, once what was sent has made place. */
static size_t room(struct outbox *outbox) {
  if (outbox->start > OUTBOX_SIZE / 2 || outbox->start == outbox->end) {
    outbox->end -= outbox->start;
    memmove(outbox->bytes, outbox->bytes + outbox->start, outbox->end);
    outbox->start = 0;
  }
  return OUTBOX_SIZE - outbox->end;
}

/* Makes a frame of the `length` bytes that stand where its payload belongs. */
static void close_frame(struct outbox *outbox, int type, size_t length) {
  char *header = outbox->bytes + outbox->end;
  header[0] = (char)type;
  for (int i = 0; i < 4; i++) header[1 + i] = (char)(length >> (24 - 8 * i));
  outbox->end += FRAME_HEADER + length;
}

void outbox_put(struct outbox *outbox, int type, const void *payload, size_t length) {
  if (room(outbox) < FRAME_HEADER + length) return;
  memcpy(outbox->bytes + outbox->end + FRAME_HEADER, payload, length);
  close_frame(outbox, type, length);
}

ssize_t outbox_read(struct outbox *outbox, int type, int fd) {
  size_t free = room(outbox);
  if (free < FRAME_HEADER + OUTBOX_RESERVED + WORTHWHILE) {
    errno = EAGAIN;
    return -1;
  }
  free -= FRAME_HEADER + OUTBOX_RESERVED;
  ssize_t length = read(fd, outbox->bytes + outbox->end + FRAME_HEADER, free < FRAME_MAX ? free : FRAME_MAX);
  if (length > 0) close_frame(outbox, type, (size_t)length);
  return length;
}

int outbox_has_room(const struct outbox *outbox) {
  return outbox->end - outbox->start < OUTBOX_SIZE / 2 - OUTBOX_RESERVED - WORTHWHILE;
}

int outbox_is_empty(const struct outbox *outbox) {
  return outbox->start == outbox->end;
}

void outbox_flush(struct outbox *outbox, int connection) {
  while (!outbox_is_empty(outbox)) {
    ssize_t sent =
        send(connection, outbox->bytes + outbox->start, outbox->end - outbox->start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return;
    outbox->start += (size_t)sent;
  }
}
