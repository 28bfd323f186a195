import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import { impliedGuarantees } from "./guarantees.ts";
import type { Guarantee, Jail, JailDriver, JailExit, JailSpec, SelfTestReport } from "./jail.ts";
import { checkNewJail, jailLimits } from "./jail-spec.ts";
import { unconfinedMark } from "./orphans.ts";

/**
 * Runs commands on the host without any confinement (`--unsafe-no-jail`), and guarantees nothing. It makes no mounts, so
 * the paths of a spec must be paths of the host.
 */
export class UnsafeDriver implements JailDriver {
  readonly name = "none";
  readonly unsafe = true;
  readonly guarantees: readonly Guarantee[] = [];
  readonly #running = new Set<string>();
  readonly #gateId: string | undefined;

  /**
   * `gateId` marks the processes, so that the next gate finds those that a killed one left behind.
   * Throws `jail.unsafe_not_allowed` unless the operator said so.
   */
  constructor(options: { readonly allowUnsafe: boolean; readonly gateId?: string }) {
    this.#gateId = options.gateId;
    if (options.allowUnsafe) return;
    throw new HoldfastError(
      "jail",
      "unsafe_not_allowed",
      "Agents run without a jail only with the option --unsafe-no-jail",
      { statusCode: 403 },
    );
  }

  async selfTest(): Promise<SelfTestReport> {
    return { ok: true, guarantees: [], durationMs: 0 };
  }

  /** The gate ends processes without a jail itself, since plugins may run so beside any driver. */
  async endOrphans(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {}

  async start(unchecked: JailSpec): Promise<Jail> {
    const spec = checkNewJail(unchecked, this.#running);
    const missing = [...(spec.requires ?? []), ...impliedGuarantees(spec)];
    if (missing.length > 0) {
      throw new HoldfastError(
        "jail",
        "missing_guarantee",
        "The command was not started: without a jail nothing is guaranteed",
        {
          statusCode: 503,
          metadata: { missing },
        },
      );
    }
    if (!existsSync(spec.cwd)) {
      throw new HoldfastError("jail", "start_failed", `The working directory does not exist: ${spec.cwd}`, {
        statusCode: 503,
      });
    }
    this.#running.add(spec.id);
    try {
      const mark = this.#gateId === undefined ? {} : { [unconfinedMark]: `${this.#gateId}/${spec.id}` };
      const marked = { ...spec, env: { ...spec.env, ...mark } };
      return await startProcess(marked, () => this.#running.delete(spec.id));
    } catch (error) {
      this.#running.delete(spec.id);
      throw error;
    }
  }
}

async function startProcess(spec: JailSpec, onExit: () => void): Promise<Jail> {
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { ...spec.env },
    stdio: ["pipe", "pipe", "pipe"],
    // A process group of its own, so that stop reaches the children too.
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(
        new HoldfastError("jail", "start_failed", `The command did not start: ${cause.message}`, {
          cause,
          statusCode: 503,
        }),
      ),
    );
  });
  const pid = child.pid ?? 0;
  let stopping = false;
  let alive = true;
  const exited = new Promise<JailExit>((resolve) => {
    child.once("exit", (code, signal) => {
      alive = false;
      signalGroup(pid, "SIGKILL");
      onExit();
      resolve({ code, signal, reason: stopping ? "stopped" : signal === null ? "exited" : "killed" });
    });
  });
  child.stdin.on("error", () => {});
  return {
    id: spec.id,
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    usage: () => ({}),
    async stop(options = {}) {
      if (!alive) return exited;
      stopping = true;
      signalGroup(pid, "SIGTERM");
      await Promise.race([
        exited,
        delay(options.graceMs ?? jailLimits.defaultGraceMs, undefined, { ref: false }),
      ]);
      if (alive) signalGroup(pid, "SIGKILL");
      return exited;
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}
