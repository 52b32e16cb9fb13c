#define _GNU_SOURCE
#include "helpers.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int hold_namespace(void) {
  char byte = 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (unshare(CLONE_NEWUSER) != 0) {
    fprintf(stderr, "cannot make a user namespace: %s\n", strerror(errno));
    return 1;
  }
  if (write(STDOUT_FILENO, &byte, 1) != 1) return 1;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  return 0;
}

int run_with_parent(const char *parent, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != atoi(parent)) return 1; /* it died before we asked to be told */
  execvp(argv[0], argv);
  fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
  return errno == ENOENT ? 127 : 126;
}
