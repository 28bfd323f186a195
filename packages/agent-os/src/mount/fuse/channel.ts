import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { noFuse } from "../../errors.ts";
import { detachMounts } from "./detach.ts";
import { fuseHelperScript } from "./helper-script.ts";
import { systemCalls } from "./system-calls.ts";
import { encodeReply, maxDataBytes, maxRequestBytes, type Owner } from "./wire.ts";

export interface ChannelOptions {
  /** /dev/fuse. */
  readonly device: string;
  /** Empty folder; it is removed with the mount. */
  readonly target: string;
  readonly owner: Owner;
  /** How long the helper waits for a sign of work before programs get EIO. */
  readonly quietMs: number;
  /** How long a request may take although there is work. */
  readonly maxRequestMs: number;
  onRequest(frame: Buffer): void;
}

/**
 * A mounted FUSE file system: requests of the kernel come from it, replies go to it. **This process must not access the
 * mount**: it would wait for its own reply.
 */
export class FuseChannel {
  readonly #child: ChildProcess;
  readonly #target: string;
  readonly #onRequest: (frame: Buffer) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #said = "";
  /** Resolves with what the helper said when the mount has ended; never rejects. */
  readonly ended: Promise<string>;

  private constructor(child: ChildProcess, { target, onRequest }: ChannelOptions) {
    this.#child = child;
    this.#target = target;
    this.#onRequest = onRequest;
    child.stdout?.on("data", (bytes: Buffer) => this.#receive(bytes));
    child.stderr?.on("data", (bytes: Buffer) => {
      this.#said = `${this.#said}${bytes}`.slice(-1_000);
    });
    // A write after the end of the helper fails; its end is what counts.
    child.stdin?.on("error", () => {});
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(`perl, which mounts it, does not start (${error.message})`));
      child.once("close", () => resolve(this.#said.trim() || "the helper has ended"));
    });
  }

  /** Starts to mount; the first request says that it is done. Throws `agent_os.no_fuse`. */
  static open(options: ChannelOptions): FuseChannel {
    const { device, target, owner, quietMs, maxRequestMs } = options;
    const numbers = systemCalls();
    if (numbers === undefined)
      throw noFuse(`it needs Linux on x64 or arm64, and this is ${process.platform} on ${process.arch}`);
    if (process.getuid?.() !== 0) throw noFuse("only root can mount it, and this process is of another user");
    const opened = openDevice(device);
    try {
      // Only this user and jails below it reach the mount point, which is in a folder of this user alone.
      const mountOptions = `fd=3,rootmode=40000,user_id=${owner.uid},group_id=${owner.gid},allow_other,max_read=${maxDataBytes}`;
      const values = [
        ...[numbers.mount, numbers.umount2, target, mountOptions, owner.uid, owner.gid, maxRequestBytes],
        ...[Math.ceil(quietMs / 1_000), Math.ceil(maxRequestMs / 1_000), process.pid],
      ].map(String);
      const child = spawn("perl", ["-e", fuseHelperScript, "--", ...values], {
        stdio: ["pipe", "pipe", "pipe", opened],
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
        cwd: "/",
      });
      return new FuseChannel(child, options);
    } finally {
      // The mount lives as long as the device is open anywhere, so it must be in the helper alone.
      closeSync(opened);
    }
  }

  send(reply: Buffer): void {
    if (this.#child.stdin?.writable) this.#child.stdin.write(reply);
  }

  /** Says that the waiting requests are being worked on. */
  sendAtWork(): void {
    this.send(atWork);
  }

  /** Unmounts, at once even while programs use it: they get errors. Resolves when it is done. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.ended;
    // A helper that was killed has unmounted nothing.
    if (this.#child.exitCode !== 0) await detachMounts([this.#target]);
  }

  #receive(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes < 4) return;
    let all = this.#held.length === 1 ? bytes : undefined;
    const first = this.#held[0];
    // Join only when a frame is complete, since large ones come in many parts.
    if (
      all === undefined &&
      first !== undefined &&
      first.length >= 4 &&
      first.readUInt32LE(0) > this.#heldBytes
    )
      return;
    all ??= Buffer.concat(this.#held);
    while (all.length >= 4) {
      const length = all.readUInt32LE(0);
      if (all.length < length) break;
      this.#onRequest(all.subarray(0, length));
      all = all.subarray(length);
    }
    this.#held = all.length === 0 ? [] : [all];
    this.#heldBytes = all.length;
  }
}

const atWork = encodeReply(0n, 0, new Uint8Array(0));

function openDevice(device: string): number {
  try {
    return openSync(device, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : String(error);
    throw noFuse(
      code === "ENOENT"
        ? `there is no ${device}. Run: modprobe fuse; a container needs --device ${device}`
        : `${device} cannot be opened (${code})`,
    );
  }
}
