#define _GNU_SOURCE
#include "boot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account.h"
#include "console.h"

enum { SKELETON_FILE_MAX = 1 << 20 };

/* One regular file of /etc/skel into the new home. */
static void copy_skeleton_file(int from_dir, int to_dir, const char *name, const struct account *account) {
  struct stat info;
  int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return;
  if (fstat(from, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= SKELETON_FILE_MAX) {
    int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, info.st_mode & 0777);
    if (to >= 0) {
      while (sendfile(to, from, NULL, SKELETON_FILE_MAX) > 0) continue;
      if (fchown(to, account->uid, account->gid) != 0) console_say("%s/%s: %m", account->home, name);
      close(to);
    }
  }
  close(from);
}

static void copy_skeleton(int home, const struct account *account) {
  DIR *skeleton = opendir("/etc/skel");
  if (skeleton == NULL) return;
  for (struct dirent *entry; (entry = readdir(skeleton)) != NULL;)
    copy_skeleton_file(dirfd(skeleton), home, entry->d_name, account);
  closedir(skeleton);
}

/* Removes what an earlier boot that was cut short left of a home in the making: skeleton files, nothing deeper. */
static void discard_unfinished(const char *path) {
  DIR *unfinished = opendir(path);
  if (unfinished == NULL) return;
  for (struct dirent *entry; (entry = readdir(unfinished)) != NULL;) unlinkat(dirfd(unfinished), entry->d_name, 0);
  closedir(unfinished);
  rmdir(path);
}

/* A new home with what the system puts into one. */
static int furnish_home(const char *path, const struct account *account) {
  if (mkdir(path, 0700) != 0) return -1;
  int home = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (home < 0) return -1;
  copy_skeleton(home, account);
  int given = fchown(home, account->uid, account->gid);
  close(home);
  return given;
}

/*
 * A home appears whole or not at all: the machine may go at any moment, and the next boot must not take half of one for
 * the user's own. One that exists is the user's business.
 */
static void prepare_home(const struct account *account) {
  char unfinished[sizeof account->home + 8];
  struct stat info;
  if (lstat(account->home, &info) == 0) return;
  snprintf(unfinished, sizeof unfinished, "%s.new", account->home);
  discard_unfinished(unfinished);
  if (furnish_home(unfinished, account) != 0 || rename(unfinished, account->home) != 0)
    console_say("cannot make %s: %m", account->home);
}

static void prepare_usr_local(void) {
  static const char *const names[] = {"bin", "etc", "lib", "sbin", "share"};
  int local = open("/usr/local", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (local < 0) return;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (mkdirat(local, names[i], 0755) != 0 && errno != EEXIST && errno != EROFS)
      console_say("cannot make /usr/local/%s: %m", names[i]);
  close(local);
}

void boot_prepare(const char *user) {
  struct account account;
  umask(022);
  if (account_ensure(&account, user) == 0)
    prepare_home(&account);
  else
    console_say("cannot make the account %s: %m", user);
  prepare_usr_local();
  if (chmod("/var/tmp", 01777) != 0 && errno != ENOENT && errno != EROFS) console_say("/var/tmp: %m");
}
