import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { ownImports } from "@holdfast/testing/own-imports";
import type { ProgramRequest, ProgramResult } from "./run-program.ts";

/** A program that has not ended by then hangs. */
const programTimeoutMs = 60_000;

/** A process that runs one program after the other: most of the time of a short one is its process's start. */
export class ProgramProcess {
  #child: ChildProcess | undefined;
  #stderr: Promise<string> = Promise.resolve("");

  /** Throws the error of the program, with what it wrote if its process ended; the next one gets a new process. */
  async run(request: ProgramRequest): Promise<void> {
    this.#child ??= this.#start();
    const child = this.#child;
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(programTimeoutMs)]);
    let result: ProgramResult;
    try {
      const answer = once(child, "message", { signal }).then(([value]) => value as ProgramResult);
      const end = once(child, "exit", { signal }).then(() => ({ error: "The process ended" }));
      child.send(request);
      result = await Promise.race([answer, end]);
    } catch {
      result = { error: `The program did not end within ${programTimeoutMs} ms` };
    } finally {
      over.abort();
    }
    if (result.error === undefined) return;
    child.kill("SIGKILL");
    this.#child = undefined;
    throw new Error([result.error, await this.#stderr].join("\n"));
  }

  close(): void {
    this.#child?.kill("SIGKILL");
  }

  #start(): ChildProcess {
    const child = fork(join(import.meta.dirname, "run-program.ts"), {
      execArgv: ["--disable-warning=ExperimentalWarning", ...ownImports],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    if (child.stderr !== null) this.#stderr = text(child.stderr);
    return child;
  }
}
