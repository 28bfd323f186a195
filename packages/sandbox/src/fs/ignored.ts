import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { decodeName, encodeName, type PathText } from "./paths/names.ts";

/** Fields of one answer of `git check-ignore --verbose`: source, line, pattern, path. */
const fieldsOfAnswer = 4;

interface Question {
  readonly count: number;
  readonly ignored: Set<PathText>;
  readonly resolve: (ignored: ReadonlySet<PathText>) => void;
}

/**
 * Asks git which paths below a directory are ignored, through one process for all questions. Without git, or outside
 * of a repository, nothing is ignored. Tracked files never are.
 */
export class IgnoredPaths {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #questions: Question[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #fields: Buffer[] = [];
  #answered = 0;
  #isOver = false;

  /** `inside` is the path of the directory. Call `close` at the end. */
  constructor(inside: PathText) {
    const args = [
      "-c",
      "core.fsmonitor=false",
      "check-ignore",
      "-z",
      "--stdin",
      "--verbose",
      "--non-matching",
    ];
    this.#child = spawn("git", args, {
      cwd: inside,
      stdio: ["pipe", "pipe", "ignore"],
      env: { PATH: process.env.PATH, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" },
    });
    this.#child.stdout.on("data", (chunk: Buffer) => this.#take(chunk));
    // Git ends at once where there is no repository, and is not started where it is not installed.
    this.#child.stdin.on("error", () => {});
    this.#child.once("error", () => this.#end());
    this.#child.once("close", () => this.#end());
  }

  /** Those of the paths, relative to the directory, that are ignored. */
  async of(paths: readonly PathText[]): Promise<ReadonlySet<PathText>> {
    if (this.#isOver || paths.length === 0) return new Set();
    return await new Promise((resolve) => {
      this.#questions.push({ count: paths.length, ignored: new Set(), resolve });
      for (const path of paths) {
        this.#child.stdin.write(encodeName(path));
        this.#child.stdin.write("\0");
      }
    });
  }

  close(): void {
    this.#child.kill("SIGKILL");
  }

  #take(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
      this.#fields.push(bytes.subarray(start, end));
      start = end + 1;
      if (this.#fields.length === fieldsOfAnswer) this.#answer();
    }
    this.#rest = bytes.subarray(start);
  }

  #answer(): void {
    const [source, , pattern, path] = this.#fields;
    this.#fields = [];
    const question = this.#questions[0];
    if (question === undefined || path === undefined) return;
    // A pattern with "!" takes a path back in.
    if (source?.length !== 0 && pattern?.[0] !== 0x21) question.ignored.add(decodeName(path));
    this.#answered += 1;
    if (this.#answered < question.count) return;
    this.#answered = 0;
    this.#questions.shift();
    question.resolve(question.ignored);
  }

  #end(): void {
    this.#isOver = true;
    for (const { ignored, resolve } of this.#questions.splice(0)) resolve(ignored);
  }
}

/** {@link IgnoredPaths} for one question. */
export async function ignoredNames(
  inside: PathText,
  names: readonly PathText[],
): Promise<ReadonlySet<PathText>> {
  const ignored = new IgnoredPaths(inside);
  try {
    return await ignored.of(names);
  } finally {
    ignored.close();
  }
}
