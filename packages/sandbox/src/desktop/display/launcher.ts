import type { Managed } from "../../processes/managed.ts";
import type { ProcessTable } from "../../processes/table.ts";

interface StartSettings {
  readonly env?: Readonly<Record<string, string>>;
  readonly restarts?: boolean;
}

const restartPolicy = { policy: "on-failure", maxRestarts: 5, backoffMs: 100, maxBackoffMs: 5_000 } as const;

/** Starts the programs of a desktop as managed processes, which `/v1/processes?owner=desktop` lists. */
export class Launcher {
  readonly #table: ProcessTable;
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;
  #started: Managed[] = [];

  constructor(table: ProcessTable, cwd: string, env: Readonly<Record<string, string>>) {
    this.#table = table;
    this.#cwd = cwd;
    this.#env = env;
  }

  get env(): Readonly<Record<string, string>> {
    return this.#env;
  }

  /** Starts a program, with `env` in addition. With `restarts` it is started again when it fails. */
  async start(
    program: string,
    args: readonly string[],
    { env = {}, restarts = false }: StartSettings = {},
  ): Promise<Managed> {
    const spec = {
      command: program,
      args,
      env: {},
      tty: false,
      interactive: false,
      size: { cols: 80, rows: 24 },
      ...(restarts ? { restart: restartPolicy } : {}),
    };
    const request = { program, args, cwd: this.#cwd, env: { ...this.#env, ...env } };
    const process = await this.#table.create(spec, "desktop", request);
    this.#started = [...this.#started.filter((each) => !each.ended), process];
    return process;
  }

  /** Ends all programs, the latest first, and kills what does not end within `graceMs`. */
  async end(graceMs: number): Promise<void> {
    const running = this.#started.filter((process) => !process.ended).reverse();
    for (const process of running) process.stop();
    const deadline = performance.now() + graceMs;
    for (const process of running) {
      await exit(process, deadline - performance.now());
      if (!process.ended) process.kill();
    }
    for (const process of running) {
      await exit(process, graceMs);
      await process.release();
    }
  }
}

/** Waits until a process has ended, at most `timeoutMs`. */
async function exit(process: Managed, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!process.ended && performance.now() < deadline) {
    await process.changed.wait(deadline - performance.now());
  }
}
