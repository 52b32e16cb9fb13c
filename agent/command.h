/* Starts one command inside the container. */
#ifndef COMMAND_H
#define COMMAND_H

#include <sys/types.h>

#include "request.h"

/* A started command, seen from the agent; every fd is non-blocking and closed on exec, -1 when there is none. */
struct command {
  pid_t pid;      /* also its process group and session */
  int input;      /* write: the command's input, or its terminal */
  int output;     /* read: its output, or its terminal */
  int error;      /* read: its errors; none with a terminal */
  int status;     /* read: ends once the command runs; before that, the payload of a FRAME_ERROR if it can't */
};

/* Whose command it is when the request does not say. */
extern const char *command_default_user;

/* Once, before the agent makes itself invisible to the guest. */
void command_prepare(void);
/* 0, or -1 with errno: nothing was started. */
int command_start(struct command *command, const struct request *request);

#endif
