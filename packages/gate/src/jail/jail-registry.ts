import { randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { Audit } from "../audit/audit.ts";
import type {
  Jail,
  JailDriver,
  JailExit,
  JailSpec,
  Jails,
  RunningJail,
  ToolResult,
  ToolSpec,
} from "./jail.ts";
import { jailLimits } from "./jail-spec.ts";

/** Receives the start and end of every jail of a gate, synchronously. */
export interface JailObserver {
  started(jail: Jail): void;
  ended(jailId: string): void;
}

interface StartedJail {
  readonly jail: Jail;
  readonly session: string | undefined;
  readonly startedAt: number;
}

/** Registry of the running jails of one gate: starts and stops them, records both, and runs tools in throwaway jails. */
export class JailRegistry implements Jails {
  readonly driver: JailDriver;
  readonly #audit: Audit;
  readonly #observer: JailObserver | undefined;
  readonly #now: () => number;
  readonly #running = new Map<string, StartedJail>();
  /** Jails that are being started; `close` waits for them. */
  readonly #starting = new Set<Promise<Jail>>();
  #closed = false;

  constructor(
    driver: JailDriver,
    audit: Audit,
    { observer, now = Date.now }: { readonly observer?: JailObserver; readonly now?: () => number } = {},
  ) {
    this.driver = driver;
    this.#now = now;
    this.#audit = audit;
    this.#observer = observer;
  }

  list(): readonly Jail[] {
    return [...this.#running.values()].map(({ jail }) => jail);
  }

  running(): readonly RunningJail[] {
    return [...this.#running.values()].map(({ jail, session, startedAt }) => ({
      ...{ id: jail.id, startedAt, usage: jail.usage() },
      ...(session === undefined ? {} : { session }),
    }));
  }

  async start(spec: JailSpec): Promise<Jail> {
    this.#checkOpen();
    const starting = this.#start(spec);
    this.#starting.add(starting);
    try {
      return await starting;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #start(spec: JailSpec): Promise<Jail> {
    await this.#audit.append({
      type: "jail.start",
      ...subjectOf(spec),
      data: {
        driver: this.driver.name,
        command: spec.command,
        mounts: spec.mounts.map((each) => `${each.mode} ${each.target}`),
      },
    });
    return this.#launch(spec);
  }

  async #launch(spec: JailSpec): Promise<Jail> {
    this.#checkOpen();
    const jail = await this.driver.start(spec);
    if (this.#closed) {
      await jail.stop({ graceMs: 0 });
      this.#checkOpen();
    }
    this.#running.set(jail.id, { jail, session: spec.session, startedAt: this.#now() });
    this.#observer?.started(jail);
    void jail.exited.then(async (exit) => {
      this.#running.delete(jail.id);
      this.#observer?.ended(jail.id);
      const data = { code: exit.code, signal: exit.signal, reason: exit.reason };
      await this.#audit.note({ type: "jail.exit", ...subjectOf(spec), data });
    });
    return jail;
  }

  async runTool(spec: ToolSpec): Promise<ToolResult> {
    spec.signal?.throwIfAborted();
    const jail = await this.start({
      id: `tool-${randomBytes(8).toString("hex")}`,
      ...(spec.session === undefined ? {} : { session: spec.session }),
      command: spec.command,
      args: spec.args,
      cwd: spec.cwd,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/tmp", LANG: "C.UTF-8", ...spec.env },
      mounts: spec.mounts,
      ...(spec.limits ? { limits: spec.limits } : {}),
      network: "none",
      unixSockets: false,
    });
    return runToEnd(jail, spec);
  }

  /** Stops every jail, also those that are being started, and refuses new ones. */
  async close(): Promise<void> {
    this.#closed = true;
    const stopping = this.list().map((jail) => jail.stop());
    await Promise.allSettled(this.#starting);
    await Promise.all(stopping);
  }

  #checkOpen(): void {
    if (this.#closed) throw new HoldfastError("gate", "closed", "The gate is closed", { statusCode: 503 });
  }
}

/** The part of a record that says which jail, and whom it works for. */
function subjectOf({ id, session }: Pick<JailSpec, "id" | "session">) {
  return { jailId: id, ...(session === undefined ? {} : { session }) };
}

/** Collects the output of `jail` within the bounds of `spec`. The jail has ended when this settles. */
async function runToEnd(jail: Jail, spec: ToolSpec): Promise<ToolResult> {
  const timeoutMs = spec.timeoutMs ?? jailLimits.toolTimeoutMs;
  const maxBytes = spec.maxOutputBytes ?? jailLimits.toolMaxOutputBytes;
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    void jail.stop({ graceMs: 0 });
  };
  const timer = setTimeout(
    () =>
      fail(
        new HoldfastError("jail", "tool_timed_out", `${spec.command} took longer than ${timeoutMs} ms`, {
          statusCode: 504,
        }),
      ),
    timeoutMs,
  );
  const onAbort = () => fail(spec.signal?.reason);
  spec.signal?.addEventListener("abort", onAbort, { once: true });
  // The signal may have been aborted while the jail was starting.
  if (spec.signal?.aborted) onAbort();
  const tooLarge = () =>
    fail(
      new HoldfastError(
        "jail",
        "tool_output_too_large",
        `${spec.command} wrote more than ${maxBytes} bytes`,
        { statusCode: 413 },
      ),
    );
  try {
    const collected = [
      collect(jail.stdout, maxBytes, tooLarge),
      collect(jail.stderr, maxBytes, tooLarge),
    ] as const;
    jail.stdin.end(spec.stdin ?? "");
    const [stdout, stderr] = await Promise.all(collected);
    const exit: JailExit = await jail.exited;
    if (failure !== undefined) throw failure;
    return { ...exit, stdout, stderr };
  } finally {
    clearTimeout(timer);
    spec.signal?.removeEventListener("abort", onAbort);
  }
}

function collect(stream: NodeJS.ReadableStream, maxBytes: number, tooLarge: () => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) tooLarge();
      else chunks.push(chunk);
    });
    stream.once("error", reject);
    stream.once("close", () => resolve(Buffer.concat(chunks)));
  });
}
