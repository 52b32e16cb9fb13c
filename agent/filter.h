/* The system calls a container may make. */
#ifndef FILTER_H
#define FILTER_H

/* Puts the filter of syscalls.list on this process and all its children for good; 0, or -1 with errno. */
int filter_install(void);

#endif
