/** The servers that scenarios load: each is a process of its own, so that it has a core for itself. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What a target is asked over its channel, and answers with the same `type`. */
export interface TargetHandlers {
  readonly port: number;
  /** What the counter of that key stands at. */
  readonly count?: (key: string) => Promise<number>;
  /** Sends events to all subscribers; gives when it began, as `wallMs` has it. */
  readonly burst?: (events: number) => number;
  readonly stop?: () => Promise<void>;
  /** What else a caller has to know. */
  readonly about?: Readonly<Record<string, string>>;
}

type Question = { readonly burst: number } | { readonly count: string } | { readonly do: "cpu" | "stop" };

interface Hello {
  readonly port: number;
  readonly about: Readonly<Record<string, string>>;
}

/** The side of the target: says where it listens and answers until it is told to stop. */
export function serveTarget(handlers: TargetHandlers): void {
  process.on("message", (question: Question) => {
    if ("burst" in question) process.send?.(handlers.burst?.(question.burst));
    else if ("count" in question)
      void handlers.count?.(question.count).then((count) => process.send?.(count));
    else if (question.do === "cpu") process.send?.(process.cpuUsage());
    else void (handlers.stop?.() ?? Promise.resolve()).then(() => process.exit(0));
  });
  // A parent that died asks for nothing more.
  process.on("disconnect", () => process.exit(0));
  process.send?.({ port: handlers.port, about: handlers.about ?? {} });
}

/** A target seen by the scenario. */
export class Target {
  readonly port: number;
  readonly about: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, hello: Hello) {
    this.#child = child;
    this.port = hello.port;
    this.about = hello.about;
  }

  /** Starts `module` of this folder. Rejects when it ends, or says nothing for 60 seconds. */
  static async start(module: string, args: readonly string[] = []): Promise<Target> {
    const profile = process.env["BENCH_PROFILE"];
    const execArgv = ["--disable-warning=ExperimentalWarning"];
    if (profile !== undefined && module.includes(profile)) execArgv.push("--cpu-prof");
    const url = new URL(`./${module}.ts`, import.meta.url);
    const child = fork(url, args, { execArgv, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const signal = AbortSignal.timeout(60_000);
    const ended = once(child, "exit", { signal }).then(() => {
      throw new Error(`${module} ended before it listened`);
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

  /** CPU time that it has used so far, all threads, in microseconds. */
  async cpuMicros(): Promise<number> {
    const { user, system } = await this.#ask<NodeJS.CpuUsage>({ do: "cpu" });
    return user + system;
  }

  async stop(): Promise<void> {
    await this.#end(() => this.#child.send({ do: "stop" }));
  }

  /** Ends it as a crash would. */
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
