import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** How long a mount may take to respond before it counts as hung. */
const timeoutSeconds = 2;
/** Extra time for the shell, which never answers if not even SIGKILL ends the probe. */
const slackMs = 500;
/** How long a hung mount is not probed again: resolving one path may touch many paths on it. */
const hungMs = 500;
/** Exit code of `timeout` after it had to use SIGKILL. */
const killed = "137";

/**
 * Calls statfs for each line of input. No cache answers it, so the server of the mount has to respond.
 */
const script = `while read -r _; do timeout -s KILL ${timeoutSeconds} stat -f -- "$1" >/dev/null 2>&1; echo "$?"; done`;

/**
 * Health probe of one mount. It runs in a process of its own, because a call on a hung mount blocks in the
 * kernel: a thread of this process would be lost, and would delay its exit.
 */
export class MountProbe {
  readonly #point: string;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #pending: Promise<boolean> | undefined;
  #settle: ((isResponsive: boolean) => void) | undefined;
  #isOverdue = false;
  #hungUntil = Number.NEGATIVE_INFINITY;

  constructor(point: string) {
    this.#point = point;
  }

  /** False when the mount does not respond in time. Concurrent calls share one probe. */
  isResponsive(): Promise<boolean> {
    if (this.#isOverdue || performance.now() < this.#hungUntil) return Promise.resolve(false);
    this.#pending ??= this.#probe();
    return this.#pending;
  }

  close(): void {
    this.#child?.kill("SIGKILL");
  }

  async #probe(): Promise<boolean> {
    const response = new Promise<boolean>((resolve) => {
      this.#settle = resolve;
    });
    void response.then(() => {
      this.#pending = undefined;
      this.#isOverdue = false;
    });
    try {
      this.#child ??= this.#start();
      this.#child.stdin.write("\n");
    } catch {
      // Out of descriptors or memory: handled like a missing shell.
      this.#settle?.(true);
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(
        () => {
          this.#isOverdue = true;
          resolve(false);
        },
        timeoutSeconds * 1_000 + slackMs,
      );
    });
    const isResponsive = await Promise.race([response, late]).finally(() => clearTimeout(timer));
    if (!isResponsive) this.#hungUntil = performance.now() + hungMs;
    return isResponsive;
  }

  #start(): ChildProcessByStdio<Writable, Readable, null> {
    const env = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" };
    const child = spawn("/bin/sh", ["-c", script, "sh", this.#point], {
      cwd: "/",
      env,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.#settle?.(text.trim() !== killed));
    // Without a working probe the mount counts as healthy.
    const onGone = () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#settle?.(true);
    };
    child.once("error", onGone).once("exit", onGone);
    child.stdin.on("error", onGone);
    child.unref();
    return child;
  }
}
