/*
 * What the daemon and the agent say to each other, over one unix stream socket per command.
 *
 * Frames (the same as src/base/frames.ts): one byte of type, four of length (big endian), the payload.
 * The daemon speaks first, with one FRAME_REQUEST. Its payload (the same as src/hypervisor/oci/agent-request.ts):
 *
 *     byte  0      version, 1
 *     byte  1      flags, bit 0: with a terminal
 *     bytes 2-3    rows of the terminal
 *     bytes 4-5    columns
 *     bytes 6-7    number of arguments, at least 1
 *     bytes 8-9    number of environment variables
 *     then strings, each ended by a NUL: user ("" = the domain's default), directory ("" = the user's home),
 *     the arguments, the variables as NAME=VALUE; nothing after the last.
 *
 * An empty payload instead asks whether the agent is ready: it answers FRAME_EXIT 0 and keeps the connection open,
 * so that its end tells the daemon of the agent's end. FRAME_SIGNAL with SIGTERM on it asks for an orderly stop.
 *
 * A command's connection carries FRAME_STDIN, FRAME_RESIZE and FRAME_SIGNAL in order: what stands behind input that
 * the command does not read waits with it. Half-closing ends the input. Closing it both ways before FRAME_EXIT ends
 * the command: SIGHUP to its process group, SIGKILL to what is left of it two seconds later.
 * FRAME_EXIT comes once the output is at its end; if children in the background hold it open, once everything the
 * command itself wrote has been sent and 100 ms have passed.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

enum {
  FRAME_STDIN = 0x00,
  FRAME_RESIZE = 0x01,
  FRAME_SIGNAL = 0x02,
  FRAME_STDOUT = 0x11,
  FRAME_STDERR = 0x12,
  FRAME_EXIT = 0x13,
  FRAME_ERROR = 0x14,
  FRAME_REQUEST = 0x20,
};

enum {
  FRAME_HEADER = 5,
  FRAME_MAX = 65536,
  REQUEST_VERSION = 1,
  REQUEST_HEADER = 10,
  REQUEST_TERMINAL = 1,
};

#endif
