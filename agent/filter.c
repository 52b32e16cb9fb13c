/*
 * Default deny. What syscalls.list allows is allowed; what it names as refused answers EPERM; anything else,
 * and every other architecture's calls, answer ENOSYS, as a kernel too old for them would.
 *
 * The agent installs the filter itself, before it runs anything of the guest's: a runtime's own way, through
 * libseccomp, costs ten times more than the whole rest of a start.
 */
#define _GNU_SOURCE
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "the system call filter is written for x86_64 and aarch64"
#endif

/* Generated from syscalls.list. */
static int allowed[] = {
#include "syscalls-allowed.inc"
};
static const int refused[] = {
#include "syscalls-refused.inc"
};

enum { PROGRAM_MAX = 2048 };

static struct sock_filter program[PROGRAM_MAX];
static size_t program_length;

static void emit(uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false) {
  if (program_length == PROGRAM_MAX) abort();
  program[program_length++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(size_t offset) {
  emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(uint32_t verdict) {
  emit(BPF_RET | BPF_K, verdict, 0, 0);
}

static void refuse(int error) {
  give(SECCOMP_RET_ERRNO | (uint32_t)error);
}

static void load_argument(int index) {
  load(offsetof(struct seccomp_data, args) + 8 * (size_t)index); /* low half: both machines are little endian */
}

/* The instructions emitted between these two are for one call only. */
static size_t only_for(int call) {
  emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 0);
  return program_length - 1;
}

static void end_only(size_t jump) {
  program[jump].jf = (uint8_t)(program_length - jump - 1);
}

/* Allows when the loaded argument is one of these; otherwise goes on. */
static void allow_values(const uint32_t *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    emit(BPF_JMP | BPF_JEQ | BPF_K, values[i], 0, 1);
    give(SECCOMP_RET_ALLOW);
  }
}

/* New processes and threads, but no namespaces. clone3 hides its flags behind a pointer: libc falls back from ENOSYS. */
static void rule_clone(void) {
  const uint32_t namespaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  size_t jump = only_for(SYS_clone);
  load_argument(0);
  emit(BPF_JMP | BPF_JSET | BPF_K, namespaces, 0, 1);
  refuse(EPERM);
  give(SECCOMP_RET_ALLOW);
  end_only(jump);
}

static void rule_socket(void) {
  static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6};
  static const uint32_t netlink[] = {NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_KOBJECT_UEVENT};
  size_t jump = only_for(SYS_socket);
  load_argument(0);
  allow_values(families, sizeof families / sizeof *families);
  emit(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0);
  refuse(EAFNOSUPPORT);
  load_argument(2);
  allow_values(netlink, sizeof netlink / sizeof *netlink);
  refuse(EPROTONOSUPPORT);
  end_only(jump);
}

/* Terminals take no input pushed by programs. */
static void rule_ioctl(void) {
  size_t jump = only_for(SYS_ioctl);
  load_argument(1);
  emit(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0);
  emit(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1);
  refuse(EPERM);
  give(SECCOMP_RET_ALLOW);
  end_only(jump);
}

static void rule_personality(void) {
  static const uint32_t values[] = {PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, ADDR_NO_RANDOMIZE, 0xffffffff};
  size_t jump = only_for(SYS_personality);
  load_argument(0);
  allow_values(values, sizeof values / sizeof *values);
  refuse(EPERM);
  end_only(jump);
}

static int by_number(const void *left, const void *right) {
  return *(const int *)left - *(const int *)right;
}

/* The numbers are sorted and mostly neighbours: one comparison pair a run of them. */
static void rule_allowed(void) {
  size_t count = sizeof allowed / sizeof *allowed;
  qsort(allowed, count, sizeof *allowed, by_number);
  for (size_t first = 0, last; first < count; first = last + 1) {
    for (last = first; last + 1 < count && allowed[last + 1] <= allowed[last] + 1;) last++;
    emit(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)allowed[first], 1, 0);
    refuse(ENOSYS);
    emit(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)allowed[last], 1, 0);
    give(SECCOMP_RET_ALLOW);
  }
  refuse(ENOSYS);
}

int filter_install(void) {
  program_length = 0;
  load(offsetof(struct seccomp_data, arch));
  emit(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
  refuse(ENOSYS);
  load(offsetof(struct seccomp_data, nr));
  rule_clone();
  rule_socket();
  rule_ioctl();
  rule_personality();
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], 0, 1);
    refuse(EPERM);
  }
  rule_allowed();
  struct sock_fprog filter = {.len = (unsigned short)program_length, .filter = program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}
