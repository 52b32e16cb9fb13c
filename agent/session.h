/* One connection of the daemon's: one command, or one watch over the agent. */
#ifndef SESSION_H
#define SESSION_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "command.h"
#include "outbox.h"
#include "protocol.h"

enum {
  SESSION_POLLS = 5,                              /* pollfds a session may use */
  SESSION_IN = FRAME_HEADER + FRAME_MAX,          /* exactly one frame: the rest waits in the socket */
};

enum session_state {
  SESSION_NEW,      /* its request has not come */
  SESSION_WATCH,    /* only tells of the agent's end */
  SESSION_STARTING, /* forked, not yet known to run */
  SESSION_RUNNING,
  SESSION_ENDING,   /* last frame queued: send it, then wait for the daemon to close */
  SESSION_LOST,     /* the daemon went away: the command is being ended */
  SESSION_CLOSED,   /* to be freed */
};

struct session {
  struct session *next;
  enum session_state state;
  int connection;
  int input_ended;         /* the daemon will send no more */
  struct command command;  /* pid is -1 once it is reaped */
  int terminal;
  int exit_code;           /* -1 until known */
  int polled_since_end;    /* what poll last said was asked after the command's end */
  size_t read_since_end;   /* bytes of its output */
  int drained;             /* all it wrote itself has been read */
  int64_t deadline;        /* milliseconds of the monotonic clock; what it ends depends on the state */
  size_t in_length, in_taken; /* of the frame in `in`: read so far; for input, handed to the command */
  char in[SESSION_IN];
  struct outbox out;
};

/* Takes over a connection (it is closed with the session); NULL when there is no memory. */
struct session *session_new(int connection);
void session_free(struct session *session);
/* Fills in what the session waits for: always SESSION_POLLS entries, with fd -1 where it waits for nothing. */
void session_wants(struct session *session, struct pollfd *polls);
/* Acts on what poll found. */
void session_act(struct session *session, const struct pollfd *polls);
/* Its command has ended, and is still there to be signalled: called between waitid and the reaping. */
void session_command_ended(struct session *session, int exit_code);
/* Acts on a deadline that has passed. */
void session_tick(struct session *session, int64_t now);

/* An orderly stop has begun: commands asked for from now on are refused. Set by a watch's FRAME_SIGNAL. */
extern int session_stop_requested;

int64_t clock_now(void);

#endif
