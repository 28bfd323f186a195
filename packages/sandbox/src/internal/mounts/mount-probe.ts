import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** How long a mount may take to answer; what takes longer is taken for hung. */
const timeoutSeconds = 2;
/** What the shell may need beside: where not even SIGKILL ends the look, it never says anything. */
const slackMs = 500;
/** How long a mount is taken for hung that was found so: whoever looks for a file asks of many places. */
const hungMs = 500;
/** How `timeout` tells that it had to use SIGKILL. */
const killed = "137";

/**
 * Asks for the size of the file system for each line that it reads. That is no file's data, which a cache
 * would know: whoever serves the mount has to answer.
 */
const script = `while read -r _; do timeout -s KILL ${timeoutSeconds} stat -f -- "$1" >/dev/null 2>&1; echo "$?"; done`;

/**
 * Whether one mount answers. A process of its own looks, since whoever asks a hung mount is stuck in the
 * system until it answers: a thread of this process would be lost with it, and be waited for at its end.
 */
export class MountProbe {
  readonly #point: string;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #asked: Promise<boolean> | undefined;
  #settle: ((answers: boolean) => void) | undefined;
  #isOverdue = false;
  #silentUntil = Number.NEGATIVE_INFINITY;

  constructor(point: string) {
    this.#point = point;
  }

  /** False when it does not answer in time. Who asks while somebody waits for the answer gets the same one. */
  answers(): Promise<boolean> {
    if (this.#isOverdue || performance.now() < this.#silentUntil) return Promise.resolve(false);
    this.#asked ??= this.#ask();
    return this.#asked;
  }

  close(): void {
    this.#child?.kill("SIGKILL");
  }

  async #ask(): Promise<boolean> {
    const answered = new Promise<boolean>((resolve) => {
      this.#settle = resolve;
    });
    void answered.then(() => {
      this.#asked = undefined;
      this.#isOverdue = false;
    });
    try {
      this.#child ??= this.#start();
      this.#child.stdin.write("\n");
    } catch {
      // Out of descriptors or memory: as where there is no shell.
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
    const answers = await Promise.race([answered, late]).finally(() => clearTimeout(timer));
    if (!answers) this.#silentUntil = performance.now() + hungMs;
    return answers;
  }

  #start(): ChildProcessByStdio<Writable, Readable, null> {
    const env = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" };
    const child = spawn("/bin/sh", ["-c", script, "sh", this.#point], {
      cwd: "/",
      env,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.#settle?.(text.trim() !== killed));
    // Where nobody can look, nothing is known against the mount.
    const gone = () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#settle?.(true);
    };
    child.once("error", gone).once("exit", gone);
    child.stdin.on("error", gone);
    child.unref();
    return child;
  }
}
