/* A command to run, as the daemon asked for it. Pointers lead into the frame it was read from. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stddef.h>
#include <stdint.h>

struct request {
  int terminal;
  uint16_t rows, columns;
  char *user;
  char *directory;
  char **argv; /* ends with NULL */
  char **env;  /* ends with NULL */
};

/* Reads `payload`; 0, or -1 when it is not a request. The vectors are freed with request_free. */
int request_read(struct request *request, char *payload, size_t length);
void request_free(struct request *request);

#endif
