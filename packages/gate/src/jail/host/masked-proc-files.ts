/**
 * Files of /proc that tell about the host's kernel: how it was started and built, its keys, timers and addresses.
 * In a jail empty ones take their place.
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
