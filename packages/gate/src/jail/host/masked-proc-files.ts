/**
 * Files of /proc with facts about the host's kernel: its command line, build, keys, timers and addresses. A jail sees
 * empty files instead.
 */
export const maskedProcFiles = [
  "/proc/cmdline",
  "/proc/config.gz",
  "/proc/kallsyms",
  "/proc/kcore",
  "/proc/key-users",
  "/proc/keys",
  "/proc/sched_debug",
  "/proc/timer_list",
] as const;
