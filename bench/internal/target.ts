/** Servers under load. Each runs in its own process, so that it can use a core of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** Request to a target over its IPC channel; the answer has the same `type`. */
export interface TargetHandlers {
  readonly port: number;
  /** Returns the value of the counter with this key. */
  readonly count?: (key: string) => Promise<number>;
  /** Sends events to all subscribers; returns the start time as `wallMs`. */
  readonly burst?: (events: number) => number;
  readonly stop?: () => Promise<void>;
  /** Further facts that a caller needs. */
  readonly about?: Readonly<Record<string, string>>;
}

type Question = { readonly burst: number } | { readonly count: string } | { readonly do: "cpu" | "stop" };

interface Hello {
  readonly port: number;
  readonly about: Readonly<Record<string, string>>;
}

/** Target side: reports where it listens, and answers requests until it is stopped. */
export function serveTarget(handlers: TargetHandlers): void {
  process.on("message", (question: Question) => {
    if ("burst" in question) process.send?.(handlers.burst?.(question.burst));
    else if ("count" in question)
      void handlers.count?.(question.count).then((count) => process.send?.(count));
    else if (question.do === "cpu") process.send?.(process.cpuUsage());
    else void (handlers.stop?.() ?? Promise.resolve()).then(() => process.exit(0));
  });
  // Exits when the parent died.
  process.on("disconnect", () => process.exit(0));
  process.send?.({ port: handlers.port, about: handlers.about ?? {} });
}

/** Scenario side: handle of a target process. */
export class Target {
  readonly port: number;
  readonly about: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, hello: Hello) {
    this.#child = child;
    this.port = hello.port;
    this.about = hello.about;
  }

  /** Starts `module` of this folder. Rejects when it exits, or does not report within 60 seconds. */
  static async start(module: string, args: readonly string[] = []): Promise<Target> {
    const profile = process.env["BENCH_PROFILE"];
    const execArgv = ["--disable-warning=ExperimentalWarning"];
    if (profile !== undefined && module.includes(profile)) execArgv.push("--cpu-prof");
    const url = new URL(`./${module}.ts`, import.meta.url);
    const child = fork(url, args, { execArgv, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const signal = AbortSignal.timeout(60_000);
    const ended = once(child, "exit", { signal }).then(() => {
      throw new Error(`${module} exited before it listened`);
    });
    const said = once(child, "message", { signal }) as Promise<[Hello]>;
    const [hello] = await Promise.race([said, ended]);
    ended.catch(() => undefined);
    return new Target(child, hello);
  }

  async #ask<T>(question: Question): Promise<T> {
    this.#child.send(question);
    const [answer] = (await once(this.#child, "message", { signal: AbortSignal.timeout(30_000) })) as [T];
    return answer;
  }

  count(key: string): Promise<number> {
    return this.#ask({ count: key });
  }

  burst(events: number): Promise<number> {
    return this.#ask({ burst: events });
  }

  /** CPU time used so far by all threads, in microseconds. */
  async cpuMicros(): Promise<number> {
    const { user, system } = await this.#ask<NodeJS.CpuUsage>({ do: "cpu" });
    return user + system;
  }

  async stop(): Promise<void> {
    await this.#end(() => this.#child.send({ do: "stop" }));
  }

  /** Kills it, as a crash would. */
  async kill(): Promise<void> {
    await this.#end(() => this.#child.kill("SIGKILL"));
  }

  async #end(how: () => void): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    const exited = once(this.#child, "exit");
    how();
    await exited;
    clearTimeout(timer);
  }
}
