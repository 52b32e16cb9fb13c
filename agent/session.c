#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  AFTER_EXIT_GRACE = 100,   /* ms, for background children that hold the output open */
  AFTER_EXIT_BYTES = 1 << 20, /* more than a pipe holds: what comes later is not the command's own */
  AFTER_HANGUP_GRACE = 2000,
  LINGER = 10000,
  END_OF_FILE_KEY = 4, /* what a terminal takes for end of file */
};
enum { POLL_CONNECTION, POLL_INPUT, POLL_OUTPUT, POLL_ERROR, POLL_STATUS };

int session_stop_requested;

int64_t clock_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct session *session_new(int connection) {
  struct session *session = malloc(sizeof *session);
  if (session == NULL) return NULL;
  memset(session, 0, offsetof(struct session, in));
  session->out.start = session->out.end = 0;
  session->connection = connection;
  session->command = (struct command){-1, -1, -1, -1, -1};
  session->exit_code = -1;
  return session;
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void close_command(struct session *session) {
  close_fd(&session->command.input);
  close_fd(&session->command.output);
  close_fd(&session->command.error);
  close_fd(&session->command.status);
}

void session_free(struct session *session) {
  close_command(session);
  close_fd(&session->connection);
  free(session);
}

/* ---- towards the daemon -------------------------------------------------------------------------------------- */

static void begin_ending(struct session *session) {
  session->state = SESSION_ENDING;
  session->deadline = clock_now() + LINGER;
}

static void send_exit(struct session *session, int code) {
  char payload[4] = {(char)(code >> 24), (char)(code >> 16), (char)(code >> 8), (char)code};
  outbox_put(&session->out, FRAME_EXIT, payload, sizeof payload);
}

static void send_error(struct session *session, const char *type, const char *message) {
  char payload[256];
  int length = snprintf(payload, sizeof payload, "%s%c%s", type, 0, message);
  outbox_put(&session->out, FRAME_ERROR, payload, (size_t)length);
  begin_ending(session);
}

static void flush(struct session *session) {
  outbox_flush(&session->out, session->connection);
  if (session->state == SESSION_ENDING && outbox_is_empty(&session->out)) shutdown(session->connection, SHUT_WR);
}

/* ---- the command's end --------------------------------------------------------------------------------------- */

static void signal_group(const struct session *session, int number) {
  pid_t group = session->command.pid;
  if (group <= 0) return;
  if (session->terminal && session->command.input >= 0) {
    pid_t foreground = tcgetpgrp(session->command.input);
    if (foreground > 0) group = foreground;
  }
  kill(-group, number);
}

/* The connection is gone: nobody waits for the command. */
static void lose(struct session *session) {
  if (session->command.pid > 0) {
    kill(-session->command.pid, SIGHUP);
    kill(-session->command.pid, SIGCONT);
  }
  close_command(session);
  close_fd(&session->connection);
  session->state = session->command.pid > 0 ? SESSION_LOST : SESSION_CLOSED;
  session->deadline = clock_now() + AFTER_HANGUP_GRACE;
}

/* Ends the session with its command's exit code. */
static void finish(struct session *session) {
  close_command(session);
  send_exit(session, session->exit_code);
  begin_ending(session);
}

static int output_at_end(const struct session *session) {
  return session->command.output < 0 && session->command.error < 0;
}

void session_command_ended(struct session *session, int exit_code) {
  if (session->state == SESSION_LOST) {
    kill(-session->command.pid, SIGKILL);
    session->state = SESSION_CLOSED;
  }
  session->command.pid = -1;
  session->exit_code = exit_code;
  if (session->state != SESSION_ENDING) session->deadline = clock_now() + AFTER_EXIT_GRACE;
}

/* The grace is over: if all the command wrote itself is sent, others that hold its output open are not waited for. */
static void end_grace(struct session *session, int64_t now) {
  if (session->drained) finish(session);
  else session->deadline = now + AFTER_EXIT_GRACE;
}

void session_tick(struct session *session, int64_t now) {
  if (session->deadline == 0 || now < session->deadline) return;
  if (session->state == SESSION_RUNNING) end_grace(session, now);
  else if (session->state == SESSION_ENDING) session->state = SESSION_CLOSED;
  else if (session->state == SESSION_LOST) {
    kill(-session->command.pid, SIGKILL);
    session->deadline = 0;
  }
}

/* ---- from the command ---------------------------------------------------------------------------------------- */

/* One read of an output into one frame; the file's end becomes an empty frame. */
static void pass_output(struct session *session, int *fd, int type) {
  ssize_t length = outbox_read(&session->out, type, *fd);
  if (length > 0) {
    if (session->exit_code >= 0) session->read_since_end += (size_t)length;
  } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) { /* a terminal ends with EIO */
    outbox_put(&session->out, type, "", 0);
    close_fd(fd);
  }
}

/* Once the command has ended: is all it wrote itself taken? Only what was polled after its end tells. */
static void note_drained(struct session *session, const struct pollfd *polls) {
  if (!session->polled_since_end) return;
  int quiet = !(polls[POLL_OUTPUT].revents & POLLIN) && !(polls[POLL_ERROR].revents & POLLIN);
  int asked = (session->command.output < 0 || polls[POLL_OUTPUT].fd >= 0) &&
              (session->command.error < 0 || polls[POLL_ERROR].fd >= 0);
  if ((quiet && asked) || session->read_since_end >= AFTER_EXIT_BYTES) session->drained = 1;
}

/* The status pipe ends when the command runs; a message in it says why it does not. */
static void read_status(struct session *session) {
  char payload[2048];
  ssize_t length = read(session->command.status, payload, sizeof payload);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  close_fd(&session->command.status);
  session->state = SESSION_RUNNING;
  if (length <= 0) return;
  close_command(session);
  outbox_put(&session->out, FRAME_ERROR, payload, (size_t)length);
  begin_ending(session);
}

/* ---- from the daemon ----------------------------------------------------------------------------------------- */

/* The length in the header of the frame at hand. */
static size_t payload_length(const struct session *session) {
  const unsigned char *header = (const unsigned char *)session->in;
  return (size_t)header[1] << 24 | (size_t)header[2] << 16 | (size_t)header[3] << 8 | header[4];
}

static int frame_complete(const struct session *session) {
  return session->in_length >= FRAME_HEADER && session->in_length == FRAME_HEADER + payload_length(session);
}

/* How many more bytes of the frame at hand to read; -1 when it is too long. */
static ssize_t frame_missing(const struct session *session) {
  if (session->in_length < FRAME_HEADER) return FRAME_HEADER - (ssize_t)session->in_length;
  size_t length = payload_length(session);
  return length > FRAME_MAX ? -1 : (ssize_t)(FRAME_HEADER + length - session->in_length);
}

static void take_request(struct session *session, char *payload, size_t length) {
  struct request request;
  if (length == 0) {
    session->state = SESSION_WATCH;
    send_exit(session, 0);
    return;
  }
  if (session_stop_requested) return send_error(session, "QubesVMNotRunningError", "the domain is shutting down");
  if (request_read(&request, payload, length) != 0) return send_error(session, "ProtocolError", "malformed request");
  session->terminal = request.terminal;
  if (command_start(&session->command, &request) == 0) {
    session->state = SESSION_STARTING;
  } else {
    char message[160];
    snprintf(message, sizeof message, "the domain cannot start another process: %m");
    send_error(session, "QubesVMError", message);
  }
  request_free(&request);
}

static void take_resize(struct session *session, const char *payload, size_t length) {
  if (length != 4 || !session->terminal || session->command.input < 0) return;
  const unsigned char *bytes = (const unsigned char *)payload;
  struct winsize size = {.ws_row = (unsigned short)(bytes[0] << 8 | bytes[1]),
                         .ws_col = (unsigned short)(bytes[2] << 8 | bytes[3])};
  ioctl(session->command.input, TIOCSWINSZ, &size);
}

static void take_signal(struct session *session, const char *payload, size_t length) {
  if (length != 1 || payload[0] < 1 || payload[0] >= NSIG) return;
  if (session->state == SESSION_WATCH && payload[0] == SIGTERM) session_stop_requested = 1;
  else signal_group(session, payload[0]);
}

static void end_input(struct session *session) {
  char key = END_OF_FILE_KEY;
  if (!session->terminal) close_fd(&session->command.input);
  else if (session->command.input >= 0 && write(session->command.input, &key, 1) < 0) errno = 0;
}

/* Hands input on; true when all of it is taken (or the command takes no more). */
static int pass_input(struct session *session) {
  const char *payload = session->in + FRAME_HEADER;
  size_t length = session->in_length - FRAME_HEADER;
  if (length == 0) end_input(session);
  while (session->command.input >= 0 && session->in_taken < length) {
    ssize_t taken = write(session->command.input, payload + session->in_taken, length - session->in_taken);
    if (taken < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (taken < 0) close_fd(&session->command.input);
    else session->in_taken += (size_t)taken;
  }
  return 1;
}

/* Acts on the complete frame in `in`; true when it is done with. */
static int take_frame(struct session *session) {
  char *payload = session->in + FRAME_HEADER;
  size_t length = session->in_length - FRAME_HEADER;
  int type = (unsigned char)session->in[0];
  if (session->state == SESSION_NEW && type == FRAME_REQUEST) take_request(session, payload, length);
  else if (session->state == SESSION_NEW) send_error(session, "ProtocolError", "the first frame must be a request");
  else if (type == FRAME_STDIN) return pass_input(session);
  else if (type == FRAME_RESIZE) take_resize(session, payload, length);
  else if (type == FRAME_SIGNAL) take_signal(session, payload, length);
  return 1;
}

/* Is a frame waiting for the command to read its input? */
static int input_blocked(const struct session *session) {
  return session->state != SESSION_NEW && session->command.input >= 0 && frame_complete(session);
}

static void take_pending(struct session *session) {
  if (!frame_complete(session) || !take_frame(session)) return;
  session->in_length = session->in_taken = 0;
}

/* Reads at most to the end of one frame at a time, so that what the command can't take stays in the socket. */
static void read_daemon(struct session *session) {
  for (int frames = 0; frames < 16 && !input_blocked(session) && session->state != SESSION_CLOSED;) {
    ssize_t missing = frame_missing(session);
    if (missing < 0) return lose(session);
    ssize_t length = recv(session->connection, session->in + session->in_length, (size_t)missing, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length < 0) return lose(session);
    if (length == 0) {
      session->input_ended = 1;
      if (session->state == SESSION_NEW || session->state == SESSION_WATCH) return lose(session);
      if (session->state == SESSION_ENDING) session->state = SESSION_CLOSED;
      return end_input(session);
    }
    session->in_length += (size_t)length;
    if (frame_complete(session)) frames++;
    take_pending(session);
  }
}

/* ---- the loop's side ----------------------------------------------------------------------------------------- */

void session_wants(struct session *session, struct pollfd *polls) {
  session->polled_since_end = session->exit_code >= 0;
  for (int i = 0; i < SESSION_POLLS; i++) polls[i] = (struct pollfd){.fd = -1};
  if (session->connection < 0) return;
  int blocked = input_blocked(session);
  int room = outbox_has_room(&session->out);
  polls[POLL_CONNECTION].fd = session->connection;
  if (!blocked && !session->input_ended) polls[POLL_CONNECTION].events |= POLLIN;
  if (!outbox_is_empty(&session->out)) polls[POLL_CONNECTION].events |= POLLOUT;
  if (session->state == SESSION_STARTING)
    polls[POLL_STATUS] = (struct pollfd){.fd = session->command.status, .events = POLLIN};
  if (session->state != SESSION_STARTING && session->state != SESSION_RUNNING) return;
  if (blocked) polls[POLL_INPUT] = (struct pollfd){.fd = session->command.input, .events = POLLOUT};
  if (room) polls[POLL_OUTPUT] = (struct pollfd){.fd = session->command.output, .events = POLLIN};
  if (room) polls[POLL_ERROR] = (struct pollfd){.fd = session->command.error, .events = POLLIN};
}

void session_act(struct session *session, const struct pollfd *polls) {
  if (polls[POLL_CONNECTION].revents & (POLLHUP | POLLERR | POLLNVAL)) return lose(session);
  if (polls[POLL_STATUS].revents) read_status(session);
  if (polls[POLL_INPUT].revents) take_pending(session);
  if (polls[POLL_OUTPUT].revents && session->command.output >= 0)
    pass_output(session, &session->command.output, FRAME_STDOUT);
  if (polls[POLL_ERROR].revents && session->command.error >= 0)
    pass_output(session, &session->command.error, FRAME_STDERR);
  if (polls[POLL_CONNECTION].revents & POLLIN) read_daemon(session);
  if (session->state == SESSION_RUNNING) note_drained(session, polls);
  if (session->state == SESSION_RUNNING && session->exit_code >= 0 && output_at_end(session)) finish(session);
  if (session->connection >= 0 && !outbox_is_empty(&session->out)) flush(session);
}
