import type { DevProblem } from "@holdfast/inspector-ui";
import { readableError } from "./readable-error.ts";
import type { Ended, Served, VersionProcess } from "./version-process.ts";

/** What a reloader reports. */
export interface ReloadEvents {
  /** A version begins to start; the one before goes on to answer. */
  starting(): void;
  /** The version before is about to end: requests wait from now on. */
  handover(): void;
  serving(served: Served, version: number, tookMs: number): void;
  /** The newest version does not run. `isServed` if the one before goes on to answer. */
  failed(problem: DevProblem, isServed: boolean): void;
}

/**
 * Runs the newest version of a program. A new one is loaded beside the one that answers, and takes its place only when
 * it has been loaded: what cannot be loaded changes nothing.
 */
export class Reloader {
  readonly #spawn: () => VersionProcess;
  readonly #events: ReloadEvents;
  #serving: VersionProcess | undefined;
  #starting: VersionProcess | undefined;
  #version = 0;
  /** Resolves when there is a newer text than the one that is being started. */
  #newer = Promise.withResolvers<"newer">();
  #closed = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(spawn: () => VersionProcess, events: ReloadEvents) {
    this.#spawn = spawn;
    this.#events = events;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** The program has changed. */
  reload(): void {
    this.#newer.resolve("newer");
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.reload();
    this.#starting?.kill();
    await Promise.all([this.#loop, this.#serving?.stop()]);
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#newer = Promise.withResolvers<"newer">();
      const newer = this.#newer.promise;
      await this.#startNewest(newer);
      await newer;
    }
  }

  async #startNewest(newer: Promise<"newer">): Promise<void> {
    const started = performance.now();
    this.#events.starting();
    const next = this.#spawn();
    this.#starting = next;
    const loaded = await Promise.race([
      next.waiting,
      next.served.then((served) => (served === undefined ? "no-registry" : "served")),
      next.ended,
      newer,
    ]);
    if (loaded === "newer") {
      next.kill();
      await next.ended;
      return;
    }
    const before = this.#serving;
    if (loaded === "no-registry") {
      next.kill();
      await next.ended;
      this.#fail(noRegistry, before !== undefined);
      return;
    }
    if (isEnd(loaded) || this.#closed) {
      next.kill();
      if (isEnd(loaded)) this.#fail(problemOf(loaded, "cannot be loaded"), before !== undefined);
      return;
    }
    this.#events.handover();
    this.#serving = undefined;
    await before?.stop();
    next.open();
    const served = await Promise.race([next.served, next.ended]);
    this.#starting = undefined;
    if (served === undefined) {
      this.#fail(noRegistry, false);
      this.#serving = next;
      return;
    }
    if (isEnd(served)) {
      this.#fail(problemOf(served, "did not start"), false);
      return;
    }
    this.#serving = next;
    this.#version += 1;
    this.#events.serving(served, this.#version, performance.now() - started);
    void next.ended.then((end) => this.#hasEnded(next, end));
  }

  #hasEnded(version: VersionProcess, end: Ended): void {
    if (this.#serving !== version || this.#closed) return;
    this.#serving = undefined;
    this.#fail(problemOf(end, "has ended"), false);
  }

  #fail(problem: DevProblem, isServed: boolean): void {
    if (!this.#closed) this.#events.failed(problem, isServed);
  }
}

const noRegistry: DevProblem = {
  title: "The program creates no registry.",
  text: 'Nothing in it calls setup({ use: { ... } }) of "holdfast". Name another file: holdfast dev FILE',
};

function isEnd(outcome: unknown): outcome is Ended {
  return typeof outcome === "object" && outcome !== null && "stderr" in outcome;
}

/** `what`: what the newest version did. */
function problemOf({ code, signal, stderr }: Ended, what: string): DevProblem {
  const how = signal === null ? `exit code ${code}` : signal;
  const text = stderr.trim();
  return {
    title: `The newest version ${what}.`,
    text:
      text === ""
        ? `It has ended with ${how}, and has printed no error.`
        : readableError(text, process.cwd()),
  };
}
