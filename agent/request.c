#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "protocol.h"

static uint16_t number(const char *bytes) {
  return (uint16_t)((unsigned char)bytes[0] << 8 | (unsigned char)bytes[1]);
}

/* The string at *at, which moves behind it; NULL when no NUL ends it. */
static char *next_string(char **at, const char *end) {
  char *string = *at;
  char *nul = memchr(string, 0, (size_t)(end - string));
  if (nul != NULL) *at = nul + 1;
  return nul == NULL ? NULL : string;
}

/* `count` strings and a NULL; NULL when there are fewer. */
static char **next_strings(char **at, const char *end, size_t count) {
  char **strings = calloc(count + 1, sizeof *strings);
  for (size_t i = 0; strings != NULL && i < count; i++) {
    strings[i] = next_string(at, end);
    if (strings[i] == NULL) {
      free(strings);
      return NULL;
    }
  }
  return strings;
}

int request_read(struct request *request, char *payload, size_t length) {
  memset(request, 0, sizeof *request);
  if (length < REQUEST_HEADER || payload[0] != REQUEST_VERSION || number(payload + 6) == 0) return -1;
  char *at = payload + REQUEST_HEADER;
  const char *end = payload + length;
  request->terminal = payload[1] & REQUEST_TERMINAL;
  request->rows = number(payload + 2);
  request->columns = number(payload + 4);
  request->user = next_string(&at, end);
  if (request->user == NULL) return -1;
  request->directory = next_string(&at, end);
  if (request->directory == NULL) return -1;
  request->argv = next_strings(&at, end, number(payload + 6));
  if (request->argv == NULL) return -1;
  request->env = next_strings(&at, end, number(payload + 8));
  if (request->env != NULL && at == end) return 0;
  request_free(request);
  return -1;
}

void request_free(struct request *request) {
  free(request->argv);
  free(request->env);
  request->argv = NULL;
  request->env = NULL;
}
