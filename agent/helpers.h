/* What the same program does for the daemon on the host, outside of any container. */
#ifndef HELPERS_H
#define HELPERS_H

/* Makes a user namespace, says so with one byte on its output, and holds it until its input ends. */
int hold_namespace(void);
/* Runs a program that is killed when the process `parent`, which started it, dies. */
int run_with_parent(const char *parent, char **argv);

#endif
