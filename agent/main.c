/*
 * The agent: PID 1 of every container, and the only program of ours inside one.
 *
 *     bulkhead-agent --init USER        inside a container: fd 3 is the listening socket the daemon made
 *     bulkhead-agent --hold-namespace   on the host: helpers.h
 *     bulkhead-agent --with-parent PID PROGRAM ARGUMENT...
 *
 * As PID 1 it makes the domain ready (boot.h), puts the system call filter on itself and all to come (filter.h), then
 * serves the daemon's connections (protocol.h) in one loop, and reaps. SIGTERM, or the same from a watch, is an orderly
 * stop: SIGTERM to all, up to five seconds, SIGKILL, end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.h"
#include "console.h"
#include "filter.h"
#include "helpers.h"
#include "session.h"

enum { LISTENER = 3, SESSIONS_MAX = 512, STOP_GRACE = 5000, STOP_FLUSH = 500, FIXED_POLLS = 2 };
enum { POLL_SIGNALS, POLL_LISTENER };

static struct session *sessions;
static size_t session_count;
static int64_t stop_deadline; /* 0 until the stop has begun */

static void accept_all(void) {
  while (session_count < SESSIONS_MAX) {
    int connection = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) return;
    struct session *session = session_new(connection);
    if (session == NULL) {
      close(connection);
      return;
    }
    session->next = sessions;
    sessions = session;
    session_count++;
  }
}

static void free_closed(void) {
  for (struct session **at = &sessions; *at != NULL;) {
    struct session *session = *at;
    if (session->state != SESSION_CLOSED) {
      at = &session->next;
      continue;
    }
    *at = session->next;
    session_free(session);
    session_count--;
  }
}

static struct session *session_of(pid_t pid) {
  struct session *session = sessions;
  while (session != NULL && session->command.pid != pid) session = session->next;
  return session;
}

/* Tells the session before the pid is given back, so that it can't mean another process by then. */
static void reap_all(void) {
  siginfo_t info = {0};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    struct session *session = session_of(info.si_pid);
    int code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    if (session != NULL) session_command_ended(session, code);
    waitpid(info.si_pid, NULL, 0);
    info.si_pid = 0;
  }
}

static int has_children(void) {
  siginfo_t info = {0};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void read_signals(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info)
    if (info.ssi_signo == SIGTERM) session_stop_requested = 1;
  reap_all();
}

static void begin_stop(void) {
  stop_deadline = clock_now() + STOP_GRACE;
  console_say("stopping");
  kill(-1, SIGTERM);
  kill(-1, SIGCONT);
  for (struct session *session = sessions; session != NULL; session = session->next)
    if (session->command.pid > 0) kill(-session->command.pid, SIGHUP); /* interactive shells ignore SIGTERM */
}

/* All commands gone and their last frames sent? The rest of what the daemon does not take is dropped after a while. */
static int stop_finished(void) {
  if (has_children()) {
    if (clock_now() >= stop_deadline) kill(-1, SIGKILL);
    return 0;
  }
  if (clock_now() >= stop_deadline + STOP_FLUSH) return 1;
  for (struct session *session = sessions; session != NULL; session = session->next)
    if (session->state == SESSION_STARTING || session->state == SESSION_RUNNING ||
        !outbox_is_empty(&session->out))
      return 0;
  return 1;
}

/* Milliseconds until something has to be done without being told; -1: nothing. */
static int patience(void) {
  int64_t first = -1, now = clock_now();
  for (struct session *session = sessions; session != NULL; session = session->next)
    if (session->deadline > 0 && (first < 0 || session->deadline < first)) first = session->deadline;
  if (stop_deadline > 0) return 20;
  if (first < 0) return -1;
  return first <= now ? 0 : (int)(first - now);
}

/* Sessions that accept brings come behind those polled for, since it puts them first: `polled` is where these begin. */
static void act(struct pollfd *polls, struct session *polled) {
  const struct pollfd *at = polls + FIXED_POLLS;
  for (struct session *session = polled; session != NULL; session = session->next, at += SESSION_POLLS)
    session_act(session, at);
  int64_t now = clock_now();
  for (struct session *session = sessions; session != NULL; session = session->next) session_tick(session, now);
}

static int serve(int signals) {
  static struct pollfd polls[FIXED_POLLS + SESSIONS_MAX * SESSION_POLLS];
  for (;;) {
    polls[POLL_SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
    polls[POLL_LISTENER] = (struct pollfd){.fd = session_count < SESSIONS_MAX ? LISTENER : -1, .events = POLLIN};
    struct pollfd *end = polls + FIXED_POLLS;
    for (struct session *session = sessions; session != NULL; session = session->next, end += SESSION_POLLS)
      session_wants(session, end);
    if (poll(polls, (nfds_t)(end - polls), patience()) < 0 && errno != EINTR) return 1;
    struct session *polled = sessions;
    if (polls[POLL_SIGNALS].revents) read_signals(signals);
    if (polls[POLL_LISTENER].revents) accept_all();
    act(polls, polled);
    if (session_stop_requested && stop_deadline == 0) begin_stop();
    if (stop_deadline > 0 && stop_finished()) return 0;
    free_closed();
  }
}

static int catch_signals(void) {
  sigset_t caught;
  sigemptyset(&caught);
  sigaddset(&caught, SIGCHLD);
  sigaddset(&caught, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &caught, NULL) != 0) return -1;
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &caught, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Nothing of the guest's may look into the agent or receive its descriptors. */
static int shield(void) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -1;
  prctl(PR_SET_NAME, "agent", 0, 0, 0);
  if (close_range(LISTENER, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return -1;
  return fcntl(LISTENER, F_SETFL, O_RDWR | O_NONBLOCK);
}

static int init(const char *user) {
  command_prepare();
  if (getpid() != 1 || shield() != 0) {
    console_say("must be process 1 of a container, with a listening socket as descriptor 3: %m");
    return 1;
  }
  int signals = catch_signals();
  command_default_user = user;
  boot_prepare(user);
  if (signals < 0 || filter_install() != 0) {
    console_say("cannot put the system call filter in place: %m");
    return 1;
  }
  console_say("ready");
  int code = serve(signals);
  console_say(code == 0 ? "stopped" : "failed");
  return code;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--init") == 0) return init(argv[2]);
  if (argc == 2 && strcmp(argv[1], "--hold-namespace") == 0) return hold_namespace();
  if (argc > 3 && strcmp(argv[1], "--with-parent") == 0) return run_with_parent(argv[2], argv + 3);
  fprintf(stderr, "bulkhead-agent is started by the bulkhead daemon, not by hand\n");
  return 2;
}
