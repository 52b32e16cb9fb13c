/* The agent's own words, on the domain's console. */
#ifndef CONSOLE_H
#define CONSOLE_H

/* One line. After 64 KiB in all the rest is dropped: the console is a file on the host. */
void console_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
