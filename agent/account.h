/* Accounts, from the container's own /etc/passwd and /etc/group: files of the guest, read as such. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stddef.h>
#include <sys/types.h>

enum { ACCOUNT_GROUPS = 64, ACCOUNT_TEXT = 256 };

struct account {
  char name[ACCOUNT_TEXT];
  char home[ACCOUNT_TEXT];
  char shell[ACCOUNT_TEXT];
  uid_t uid;
  gid_t gid;
  gid_t groups[ACCOUNT_GROUPS];
  size_t group_count;
};

/* Looks `name` up; 0, or -1 when there is no such account. Does not read the groups. */
int account_find(struct account *account, const char *name);
/* Adds the groups that name the account as a member; the first 64. */
void account_read_groups(struct account *account);
/* Makes sure that there is an account `name` (a new one gets the first free id from 1000); 0 or -1 with errno. */
int account_ensure(struct account *account, const char *name);

#endif
