#define _GNU_SOURCE
#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { CONSOLE_MAX = 65536, LINE_LIMIT = 512 };

void console_say(const char *format, ...) {
  static size_t said;
  char line[LINE_LIMIT];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length < 0 || said >= CONSOLE_MAX) return;
  if ((size_t)length > sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  said += (size_t)length;
  if (write(STDERR_FILENO, line, (size_t)length) < 0) said = CONSOLE_MAX;
}
