/* Tries system calls that an agent never needs, and prints "name errno" for each (0: it worked).
 * Arguments are harmless: outside of a jail every call either does nothing or fails for another reason. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers that headers of older systems lack are the same on every architecture. */
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_CLONE3 435
#define NR_PIDFD_GETFD 438
#define NR_MOUNT_SETATTR 442
#define NR_IO_URING_SETUP 425

static void say(const char *name, long result) {
  printf("%s %d\n", name, result < 0 ? errno : 0);
  fflush(stdout);
}

/* In a child, so that what works does not change the rest. */
#define TRY(name, call)                    \
  do {                                     \
    fflush(stdout);                        \
    pid_t child = fork();                  \
    if (child == 0) {                      \
      errno = 0;                           \
      say(name, (long)(call));             \
      _exit(0);                            \
    }                                      \
    int status = 0;                        \
    waitpid(child, &status, 0);            \
    if (WIFSIGNALED(status)) {             \
      printf("%s signal\n", name);         \
      fflush(stdout);                      \
    }                                      \
  } while (0)

static long new_namespace(long flag) {
  long pid = syscall(SYS_clone, flag | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return pid;
}

static long device(void) {
  long result = mknod("/tmp/holdfast-attack-device", S_IFCHR | 0600, 0x103);
  int saved = errno;
  unlink("/tmp/holdfast-attack-device");
  errno = saved;
  return result;
}

int main(void) {
  TRY("unshare_user", syscall(SYS_unshare, CLONE_NEWUSER));
  TRY("unshare_mount", syscall(SYS_unshare, CLONE_NEWNS));
  TRY("unshare_net", syscall(SYS_unshare, CLONE_NEWNET));
  TRY("clone_user", new_namespace(CLONE_NEWUSER));
  TRY("clone_pid", new_namespace(CLONE_NEWPID));
  TRY("clone3", syscall(NR_CLONE3, 0, 0));
  TRY("setns", syscall(SYS_setns, -1, 0));
  TRY("mount", syscall(SYS_mount, 0, 0, 0, 0, 0));
  TRY("umount2", syscall(SYS_umount2, 0, 0));
  TRY("pivot_root", syscall(SYS_pivot_root, 0, 0));
  TRY("chroot", syscall(SYS_chroot, "/"));
  TRY("fsopen", syscall(NR_FSOPEN, "tmpfs", 0));
  TRY("open_tree", syscall(NR_OPEN_TREE, -1, 0, 0));
  TRY("move_mount", syscall(NR_MOVE_MOUNT, -1, 0, -1, 0, 0));
  TRY("mount_setattr", syscall(NR_MOUNT_SETATTR, -1, 0, 0, 0, 0));
  TRY("ptrace_traceme", syscall(SYS_ptrace, 0, 0, 0, 0));
  TRY("process_vm_readv", syscall(SYS_process_vm_readv, getpid(), 0, 0, 0, 0, 0));
  TRY("pidfd_getfd", syscall(NR_PIDFD_GETFD, -1, 0, 0));
  TRY("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0));
  TRY("io_uring_setup", syscall(NR_IO_URING_SETUP, 0, 0));
  TRY("io_setup", syscall(SYS_io_setup, 1, 0));
  TRY("bpf", syscall(SYS_bpf, -1, 0, 0));
  TRY("perf_event_open", syscall(SYS_perf_event_open, 0, 0, -1, -1, 0));
  TRY("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  TRY("add_key", syscall(SYS_add_key, 0, 0, 0, 0, 0));
  TRY("userfaultfd", syscall(SYS_userfaultfd, 1));
  TRY("personality", syscall(SYS_personality, 0x0040000));
  TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, -1));
  TRY("init_module", syscall(SYS_init_module, 0, 0, 0));
  TRY("finit_module", syscall(SYS_finit_module, -1, 0, 0));
  TRY("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
  TRY("swapon", syscall(SYS_swapon, 0, 0));
  TRY("syslog", syscall(SYS_syslog, 10, 0, 0));
  TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, -1, 0, 0));
  TRY("sethostname", syscall(SYS_sethostname, 0, -1));
  TRY("tiocsti", ioctl(0, 0x5412, "x"));
  TRY("tiocsti_wide", syscall(SYS_ioctl, 0, 0x100005412UL, "x"));
  TRY("tiocsetd", ioctl(0, 0x5423, &(int){2}));
  TRY("socket_raw", socket(AF_INET, SOCK_RAW, 255));
  TRY("socket_icmp", socket(AF_INET, SOCK_RAW, 1));
  TRY("socket_packet", socket(AF_PACKET, SOCK_RAW, 0));
  TRY("socket_alg", socket(38, SOCK_SEQPACKET, 0));
  TRY("socket_vsock", socket(40, SOCK_STREAM, 0));
  TRY("socket_netlink_audit", socket(AF_NETLINK, SOCK_RAW, 9));
  TRY("device", device());
#ifdef __x86_64__
  TRY("x32", syscall(0x40000000 + 39));
  long result = 20; /* getpid of the 32-bit table */
  TRY("ia32", ({ __asm__ volatile("int $0x80" : "+a"(result) : : "memory"); result; }));
#endif
  /* What agents do need. */
  TRY("ok_thread_clone", new_namespace(0));
  TRY("ok_socket_tcp", socket(AF_INET6, SOCK_STREAM, 0));
  TRY("ok_socket_udp", socket(AF_INET, SOCK_DGRAM, 0));
  TRY("ok_socket_unix", socket(AF_UNIX, SOCK_STREAM, 0));
  TRY("ok_socketpair", ({ int pair[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, pair); }));
  TRY("ok_personality", syscall(SYS_personality, 0xffffffff));
  return 0;
}
