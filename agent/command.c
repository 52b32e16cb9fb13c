#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "account.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

const char *command_default_user = "root";

enum { PIPE_READ = 0, PIPE_WRITE = 1, STATUS_MAX = 1024 };

/* Both ends of every pipe of a command being started, and its terminal. */
struct plumbing {
  int input[2], output[2], error[2], status[2];
  int master, slave;
};

/* ---- in the child -------------------------------------------------------------------------------------------- */

static int status_fd;

/* Tells the agent why the command cannot be run, and ends. */
static void __attribute__((noreturn, format(printf, 2, 3))) give_up(const char *type, const char *format, ...) {
  char text[STATUS_MAX];
  va_list arguments;
  va_start(arguments, format);
  size_t length = (size_t)snprintf(text, sizeof text, "%s", type) + 1;
  int written = vsnprintf(text + length, sizeof text - length, format, arguments);
  va_end(arguments);
  if (written > 0) length += (size_t)written;
  if (length >= sizeof text) length = sizeof text - 1;
  if (write(status_fd, text, length) < 0) _exit(126);
  _exit(127);
}

static void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Its streams become 0, 1 and 2, and belong to the account, so that /dev/stdout can be opened anew. */
static void take_streams(const struct plumbing *with, const struct account *account) {
  int streams[3] = {with->input[PIPE_READ], with->output[PIPE_WRITE], with->error[PIPE_WRITE]};
  for (int i = 0; i < 3; i++) {
    int fd = with->slave >= 0 ? with->slave : streams[i];
    if (fchown(fd, account->uid, (gid_t)-1) != 0 || dup2(fd, i) < 0)
      give_up("QubesException", "cannot set up the command's streams: %m");
  }
  if (with->slave >= 0 && ioctl(0, TIOCSCTTY, 0) != 0) give_up("QubesException", "cannot set up its terminal: %m");
}

static void become(struct account *account) {
  account_read_groups(account);
  if (setgroups(account->group_count, account->groups) != 0 || setresgid(account->gid, account->gid, account->gid) != 0 ||
      setresuid(account->uid, account->uid, account->uid) != 0)
    give_up("QubesException", "cannot become user '%s': %m", account->name);
}

static void set_environment(const struct account *account, char **variables) {
  static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  clearenv();
  putenv(path);
  setenv("HOME", account->home, 1);
  setenv("USER", account->name, 1);
  setenv("LOGNAME", account->name, 1);
  setenv("SHELL", account->shell, 1);
  for (; *variables != NULL; variables++)
    if (strchr(*variables, '=') != NULL) putenv(*variables);
}

static void __attribute__((noreturn)) run(const struct plumbing *with, const struct request *request) {
  struct account account;
  const char *user = request->user[0] ? request->user : command_default_user;
  status_fd = with->status[PIPE_WRITE];
  setsid();
  if (account_find(&account, user) != 0)
    give_up("QubesValueError", "no such user in the domain: '%s'; make the account in its template", user);
  take_streams(with, &account);
  become(&account);
  set_environment(&account, request->env);
  const char *directory = request->directory[0] ? request->directory : account.home;
  if (chdir(directory) != 0) {
    int error = errno;
    if (request->directory[0] || chdir("/") != 0)
      give_up("QubesValueError", "cannot change to directory '%s': %s", directory, strerror(error));
  }
  reset_signals();
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  execvp(request->argv[0], request->argv);
  if (errno == ENOENT) give_up("QubesValueError", "command not found in the domain: '%s'", request->argv[0]);
  give_up("QubesValueError", "cannot run '%s': %m", request->argv[0]);
}

/* ---- in the agent -------------------------------------------------------------------------------------------- */

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void close_pair(int pair[2]) {
  close_fd(&pair[0]);
  close_fd(&pair[1]);
}

static int unblock(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int open_terminal(struct plumbing *made, const struct request *request) {
  struct winsize size = {.ws_row = request->rows, .ws_col = request->columns};
  int unlocked = 0;
  made->master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (made->master < 0 || ioctl(made->master, TIOCSPTLCK, &unlocked) != 0) return -1;
  made->slave = ioctl(made->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (made->slave < 0) return -1;
  return ioctl(made->master, TIOCSWINSZ, &size);
}

static int open_pipes(struct plumbing *made) {
  if (pipe2(made->input, O_CLOEXEC) != 0 || pipe2(made->output, O_CLOEXEC) != 0 || pipe2(made->error, O_CLOEXEC) != 0)
    return -1;
  return unblock(made->input[PIPE_WRITE]) | unblock(made->output[PIPE_READ]) | unblock(made->error[PIPE_READ]);
}

static int open_plumbing(struct plumbing *made, const struct request *request) {
  *made = (struct plumbing){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1, -1};
  if (pipe2(made->status, O_CLOEXEC) != 0 || unblock(made->status[PIPE_READ]) != 0) return -1;
  return request->terminal ? open_terminal(made, request) : open_pipes(made);
}

static void close_plumbing(struct plumbing *made) {
  int error = errno;
  close_pair(made->input);
  close_pair(made->output);
  close_pair(made->error);
  close_pair(made->status);
  close_fd(&made->master);
  close_fd(&made->slave);
  errno = error;
}

/* Moves the agent's ends out of the plumbing. The terminal's one fd serves both ways, so it is doubled. */
static int keep_our_ends(struct command *command, struct plumbing *made) {
  command->input = made->input[PIPE_WRITE];
  command->output = made->output[PIPE_READ];
  command->error = made->error[PIPE_READ];
  command->status = made->status[PIPE_READ];
  made->input[PIPE_WRITE] = made->output[PIPE_READ] = made->error[PIPE_READ] = made->status[PIPE_READ] = -1;
  if (made->master < 0) return 0;
  command->input = made->master;
  command->output = fcntl(made->master, F_DUPFD_CLOEXEC, 3);
  made->master = -1;
  return command->output < 0 ? -1 : 0;
}

static int oom_score = -1;

void command_prepare(void) {
  oom_score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
}

/* Forks a child that the memory killer prefers to the agent, whose end would be the domain's. */
static pid_t fork_expendable(void) {
  int raised = oom_score >= 0 && pwrite(oom_score, "300", 3, 0) == 3;
  pid_t pid = fork();
  if (pid != 0 && raised && pwrite(oom_score, "0", 1, 0) != 1) oom_score = -1;
  return pid;
}

int command_start(struct command *command, const struct request *request) {
  struct plumbing made;
  *command = (struct command){.pid = -1, .input = -1, .output = -1, .error = -1, .status = -1};
  if (open_plumbing(&made, request) == 0) command->pid = fork_expendable();
  if (command->pid == 0) run(&made, request);
  int failed = command->pid < 0 || keep_our_ends(command, &made) != 0;
  close_plumbing(&made);
  if (failed && command->pid > 0) {
    kill(command->pid, SIGKILL); /* reaped as a child nobody asks for */
    close_fd(&command->input);
    close_fd(&command->status);
  }
  return failed ? -1 : 0;
}
