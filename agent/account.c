#define _GNU_SOURCE
#include "account.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIELDS = 7, FIRST_ID = 1000, LAST_ID = 60000 };

/* A plain file only: a pipe in its place would keep whoever reads it waiting. NULL when there is none. */
static FILE *open_table(const char *path) {
  struct stat info;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return NULL;
  FILE *file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? fdopen(fd, "r") : NULL;
  if (file == NULL) close(fd);
  return file;
}

/* Cuts a line at its colons; the number of fields found. Missing ones are "". */
static int split(char *line, char *fields[FIELDS]) {
  static char empty[] = "";
  int count = 0;
  line[strcspn(line, "\n")] = 0;
  for (int i = 0; i < FIELDS; i++) fields[i] = empty;
  while (line != NULL && count < FIELDS) fields[count++] = strsep(&line, ":");
  return count;
}

static int parse_id(const char *text, unsigned *id) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || value >= 0xffffffffUL) return -1;
  *id = (unsigned)value;
  return 0;
}

static void copy_text(char to[ACCOUNT_TEXT], const char *from) {
  snprintf(to, ACCOUNT_TEXT, "%s", from);
}

int account_find(struct account *account, const char *name) {
  memset(account, 0, sizeof *account);
  FILE *file = open_table("/etc/passwd");
  char *line = NULL, *fields[FIELDS];
  size_t size = 0;
  int found = 0;
  while (file != NULL && !found && getline(&line, &size, file) > 0) {
    if (split(line, fields) < 4 || strcmp(fields[0], name) != 0) continue;
    found = parse_id(fields[2], &account->uid) == 0 && parse_id(fields[3], &account->gid) == 0;
  }
  if (found) {
    copy_text(account->name, name);
    copy_text(account->home, fields[5][0] ? fields[5] : "/");
    copy_text(account->shell, fields[6][0] ? fields[6] : "/bin/sh");
    account->groups[account->group_count++] = account->gid;
  }
  free(line);
  if (file != NULL) fclose(file);
  return found ? 0 : -1;
}

/* Is `name` one of the comma-separated `members`? */
static int is_member(char *members, const char *name) {
  for (char *member; (member = strsep(&members, ",")) != NULL;)
    if (strcmp(member, name) == 0) return 1;
  return 0;
}

void account_read_groups(struct account *account) {
  FILE *file = open_table("/etc/group");
  char *line = NULL, *fields[FIELDS];
  size_t size = 0;
  gid_t gid;
  while (file != NULL && account->group_count < ACCOUNT_GROUPS && getline(&line, &size, file) > 0) {
    if (split(line, fields) < 4 || parse_id(fields[2], &gid) != 0 || gid == account->gid) continue;
    if (is_member(fields[3], account->name)) account->groups[account->group_count++] = gid;
  }
  free(line);
  if (file != NULL) fclose(file);
}

/* Does any account or group own this id? */
static int id_taken(const char *path, unsigned id) {
  FILE *file = open_table(path);
  char *line = NULL, *fields[FIELDS];
  size_t size = 0;
  unsigned other;
  int taken = 0;
  while (file != NULL && !taken && getline(&line, &size, file) > 0)
    taken = split(line, fields) >= 3 && parse_id(fields[2], &other) == 0 && other == id;
  free(line);
  if (file != NULL) fclose(file);
  return taken;
}

/* Adds a line to a file, which need not end with a newline and need not exist unless `needed`. */
static int append(const char *path, const char *line, int needed) {
  int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | (needed ? O_CREAT : 0), 0644);
  if (fd < 0) return needed ? -1 : 0;
  char last = '\n';
  off_t end = lseek(fd, 0, SEEK_END);
  if (end > 0 && pread(fd, &last, 1, end - 1) != 1) last = '\n';
  int failed = dprintf(fd, "%s%s\n", last == '\n' ? "" : "\n", line) < 0;
  return close(fd) != 0 || failed ? -1 : 0;
}

int account_ensure(struct account *account, const char *name) {
  if (account_find(account, name) == 0) return 0;
  unsigned id = FIRST_ID;
  while (id < LAST_ID && (id_taken("/etc/passwd", id) || id_taken("/etc/group", id))) id++;
  const char *shell = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
  char line[ACCOUNT_TEXT * 3];
  snprintf(line, sizeof line, "%s:x:%u:", name, id);
  if (append("/etc/group", line, 1) != 0) return -1;
  snprintf(line, sizeof line, "%s:!:19000:0:99999:7:::", name);
  if (append("/etc/shadow", line, 0) != 0) return -1;
  snprintf(line, sizeof line, "%s:x:%u:%u::/home/%s:%s", name, id, id, name, shell);
  if (append("/etc/passwd", line, 1) != 0) return -1;
  return account_find(account, name);
}
