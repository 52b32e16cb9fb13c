/* What is made ready inside the container before the first command. */
#ifndef BOOT_H
#define BOOT_H

/* The account `user`, its home, /usr/local and /var/tmp. What fails is said on the console and does not stop the boot. */
void boot_prepare(const char *user);

#endif
