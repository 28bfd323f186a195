import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { FromProgram, LoadedFile, ToProgram } from "./messages.ts";

/** How long a version may take to let its actors sleep. */
const stopMs = 10_000;
/** The end of what a version has written, kept for the page that shows why it ended. */
const keptBytes = 16_384;

export interface VersionOptions {
  /** Absolute path. */
  readonly entry: string;
  /** The address at which people reach the program. */
  readonly publicUrl: string;
  readonly env: NodeJS.ProcessEnv;
  readonly args: readonly string[];
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
  readonly onLoaded: (files: readonly LoadedFile[]) => void;
}

export interface Served {
  readonly port: number;
  readonly actors: readonly string[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last of what it has written to standard error. */
  readonly stderr: string;
}

const near = (name: string, ending: string) => fileURLToPath(new URL(`${name}${ending}`, import.meta.url));

/** Preloaded modules: in a checkout the sources, in an installed package what was built of them. */
function preloads(): readonly string[] {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  return [near("../../../bin/own-imports", ".js"), near("./program", ending)].flatMap((path) => [
    "--import",
    path,
  ]);
}

/** One version of the program, in a process of its own. */
export class VersionProcess {
  /** Resolves when the program is loaded and waits for the version before to end. */
  readonly waiting: Promise<void>;
  /** Resolves with undefined if the program has no registry. */
  readonly served: Promise<Served | undefined>;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #stderr = "";

  constructor(options: VersionOptions) {
    const waiting = Promise.withResolvers<void>();
    const served = Promise.withResolvers<Served | undefined>();
    this.waiting = waiting.promise;
    this.served = served.promise;
    const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
    // Node has an option for files that may be missing, and says of each that it is.
    const variables = existsSync(".env") ? ["--env-file=.env"] : [];
    const flags = ["--disable-warning=ExperimentalWarning", ...variables, ...preloads()];
    this.#child = spawn(process.execPath, [...flags, options.entry, ...options.args], {
      env: {
        NODE_COMPILE_CACHE: join(cache, "holdfast", "compiled"),
        ...options.env,
        HOLDFAST_DEV_URL: options.publicUrl,
      },
      stdio: ["inherit", "pipe", "pipe", "ipc"],
    });
    this.#child.on("message", (message: FromProgram) => {
      switch (message.type) {
        case "loaded":
          return options.onLoaded(message.files);
        case "waits":
          return waiting.resolve();
        case "listens":
          return served.resolve({ port: message.port, actors: message.actors });
        case "no-registry":
          return served.resolve(undefined);
      }
    });
    for (const stream of ["stdout", "stderr"] as const) {
      const input = this.#child[stream];
      if (input === null) continue;
      createInterface({ input }).on("line", (line) => {
        if (stream === "stderr") this.#stderr = `${this.#stderr}${line}\n`.slice(-keptBytes);
        options.onLine(stream, line);
      });
    }
    this.ended = new Promise((resolve) => {
      // After "close" nothing more is written.
      this.#child.on("close", (code, signal) => resolve({ code, signal, stderr: this.#stderr }));
      this.#child.on("error", (error) => resolve({ code: 1, signal: null, stderr: error.message }));
    });
  }

  /** Lets it open its data and its ports. */
  open(): void {
    this.#send({ type: "open" });
  }

  /** Lets its actors sleep, and ends it. */
  async stop(): Promise<void> {
    this.#send({ type: "stop" });
    const late = setTimeout(() => this.kill(), stopMs);
    await this.ended;
    clearTimeout(late);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #send(message: ToProgram): void {
    // Without a callback, a process that has just ended would be an unhandled error.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}
