import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { matchesGlob } from "node:path";
import { createInterface } from "node:readline";
import { type Context, createContext, runInContext } from "node:vm";
import { invalid } from "../http/problem.ts";
import { IgnoredPaths } from "./ignored.ts";
import { DirectoryChain, listFlags } from "./paths/directory-chain.ts";
import { decodeName, type PathText, toDisplay } from "./paths/names.ts";
import type { Place } from "./paths/paths.ts";
import { hasCode, lstatIfExists, open, readdir } from "./system.ts";

export interface SearchRequest {
  /** Text or, with `regex`, a regular expression to search for in lines. If absent, files are found by name only. */
  readonly pattern?: string;
  readonly regex: boolean;
  readonly ignoreCase: boolean;
  /** Text that paths relative to the directory contain, in upper or lower case. Not together with `pattern`. */
  readonly name?: string;
  /** Glob for paths relative to the directory; absent for all. */
  readonly glob?: string;
  /** Leaves out what git ignores, where the directory is in a repository. */
  readonly skipIgnored: boolean;
  readonly limit: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface SearchMatch {
  readonly path: string;
  readonly pathBase64?: string;
  /** Line number from 1; absent in a search by name. */
  readonly line?: number;
  readonly text?: string;
}

export interface SearchAnswer {
  readonly matches: readonly SearchMatch[];
  /** True if the limit or the timeout ended the search early. */
  readonly truncated: boolean;
  readonly engine: "ripgrep" | "walk";
}

const maxFileBytes = 16 * 1_048_576;
const maxLineChars = 1_000;
/** How long a regular expression may block the event loop for one file, or a glob for {@link namesOfSlice} names. */
const sliceMs = 100;
const namesOfSlice = 64;

/**
 * Searches the files below a directory without following links. Skips `.git`, files with NUL bytes and files over 16
 * MiB. Lines are searched by ripgrep if it is installed, which also respects .gitignore, else by walking the tree
 * here. Throws `invalid_request` for an invalid expression.
 */
export async function search(place: Place, request: SearchRequest): Promise<SearchAnswer> {
  const directories = await DirectoryChain.open(place.path, listFlags);
  try {
    if (request.pattern !== undefined) {
      const answer = await searchByRipgrep(directories.currentPath, place.display, request, request.pattern);
      if (answer) return answer;
    }
    const ignored = request.skipIgnored ? new IgnoredPaths(directories.currentPath) : undefined;
    try {
      return await new TreeSearch(directories, place.display, request, ignored).run();
    } finally {
      ignored?.close();
    }
  } finally {
    await directories.close();
  }
}

/** A search by walking the tree in this process. */
class TreeSearch {
  readonly #directories: DirectoryChain;
  readonly #display: PathText;
  readonly #request: SearchRequest;
  readonly #matches: SearchMatch[] = [];
  readonly #deadline: number;
  readonly #find: ((text: string) => number[]) | undefined;
  readonly #wanted: (paths: readonly PathText[]) => ReadonlySet<PathText>;
  readonly #ignored: IgnoredPaths | undefined;
  #truncated = false;

  constructor(
    directories: DirectoryChain,
    display: PathText,
    request: SearchRequest,
    ignored: IgnoredPaths | undefined,
  ) {
    this.#ignored = ignored;
    this.#directories = directories;
    this.#display = display === "/" ? "" : display;
    this.#request = request;
    this.#deadline = performance.now() + request.timeoutMs;
    this.#find = request.pattern === undefined ? undefined : lineFinder(request, request.pattern);
    this.#wanted = pathFilter(request);
  }

  async run(): Promise<SearchAnswer> {
    await this.#directory();
    return { matches: this.#matches, truncated: this.#truncated, engine: "walk" };
  }

  /** Searches the current directory of the walk. */
  async #directory(): Promise<void> {
    const directories = this.#directories;
    const names = await this.#names();
    for (let from = 0; from < names.length; from += namesOfSlice) {
      const some = names.slice(from, from + namesOfSlice);
      const wanted = this.#wanted(some.map((name) => directories.relative(name)));
      for (const name of some) {
        this.#request.signal.throwIfAborted();
        if (performance.now() > this.#deadline) this.#truncated = true;
        if (this.#truncated) return;
        await this.#entry(name, wanted);
      }
    }
  }

  /** Names in the current directory, without those that are ignored. */
  async #names(): Promise<PathText[]> {
    const directories = this.#directories;
    const names = await readdir(directories.currentPath);
    if (this.#ignored === undefined) return names;
    const ignored = await this.#ignored.of(names.map((name) => directories.relative(name)));
    return names.filter((name) => !ignored.has(directories.relative(name)));
  }

  async #entry(name: PathText, wanted: ReadonlySet<PathText>): Promise<void> {
    const directories = this.#directories;
    const path = `${directories.currentPath}/${name}`;
    const stat = await lstatIfExists(path);
    if (stat?.isDirectory() && name !== ".git") {
      await directories
        .inDirectory(name, () => this.#directory())
        .catch((error: unknown) => {
          if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) throw error;
        });
    } else if (stat?.isFile()) {
      const relative = directories.relative(name);
      if (wanted.has(relative)) await this.#file(path, relative, Number(stat.size));
    }
  }

  async #file(path: PathText, relative: PathText, size: number): Promise<void> {
    const at = toDisplay(`${this.#display}/${relative}`);
    if (!this.#find) {
      this.#add(at);
      return;
    }
    if (size === 0 || size > maxFileBytes) return;
    const text = await readText(path);
    if (text === undefined) return;
    const lines = text.split("\n");
    for (const index of this.#find(text)) {
      if (this.#truncated) return;
      this.#add({
        ...at,
        line: index + 1,
        text: (lines[index] ?? "").replace(/\r$/, "").slice(0, maxLineChars),
      });
    }
  }

  #add(match: SearchMatch): void {
    if (this.#matches.length >= this.#request.limit) this.#truncated = true;
    else this.#matches.push(match);
  }
}

/** Returns a function that finds the indexes of matching lines. A user's expression runs with a time limit. */
function lineFinder(request: SearchRequest, pattern: string): (text: string) => number[] {
  if (!request.regex) {
    const fold = (text: string) => (request.ignoreCase ? text.toLowerCase() : text);
    const wanted = fold(pattern);
    return (text) => matchingIndexes(text.split("\n"), (line) => fold(line).includes(wanted));
  }
  const flags = request.ignoreCase ? "iu" : "u";
  try {
    new RegExp(pattern, flags);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : "the pattern is not a regular expression");
  }
  const context = createContext({ pattern, flags, text: "" });
  return (text) => {
    context.text = text;
    const source = `{
      const found = []; const expression = new RegExp(pattern, flags);
      text.split("\\n").forEach((line, index) => { if (expression.test(line)) found.push(index); });
      found.join(",");
    }`;
    const found = runWithTimeLimit(
      source,
      context,
      "the regular expression takes too long on a file; make it simpler",
    );
    return typeof found === "string" && found !== "" ? found.split(",").map(Number) : [];
  };
}

function pathFilter({ name, glob }: SearchRequest): (paths: readonly PathText[]) => ReadonlySet<PathText> {
  const fits = glob === undefined ? (paths: readonly PathText[]) => new Set(paths) : globMatcher(glob);
  if (name === undefined) return fits;
  const wanted = name.toLowerCase();
  return (paths) => fits(paths.filter((path) => path.toLowerCase().includes(wanted)));
}

/** Returns a function that filters paths by a glob, with a time limit: globs are compiled to expressions. */
function globMatcher(glob: string): (paths: readonly PathText[]) => ReadonlySet<PathText> {
  return (paths) => {
    const wanted = new Set<PathText>();
    const match = () => {
      for (const path of paths) if (matchesGlob(path.toWellFormed(), glob)) wanted.add(path);
    };
    runWithTimeLimit("match()", createContext({ match }), "the glob takes too long; make it simpler");
    return wanted;
  };
}

/** Runs a script; throws `invalid_request` with `why` when it exceeds {@link sliceMs}. */
function runWithTimeLimit(source: string, context: Context, why: string): unknown {
  try {
    return runInContext(source, context, { timeout: sliceMs });
  } catch (error) {
    if (hasCode(error, "ERR_SCRIPT_EXECUTION_TIMEOUT")) throw invalid(why);
    throw error;
  }
}

function matchingIndexes(lines: readonly string[], test: (line: string) => boolean): number[] {
  const found: number[] = [];
  for (const [index, line] of lines.entries()) if (test(line)) found.push(index);
  return found;
}

/** Reads a text file; undefined for other content and for a file that was removed. */
async function readText(path: PathText): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const bytes = await file.readFile();
      return bytes.subarray(0, 8_192).includes(0) ? undefined : bytes.toString("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return undefined;
    throw error;
  }
}

/**
 * Searches with ripgrep; undefined if it is not installed. User input is passed so that it cannot be taken for an
 * option or command.
 */
async function searchByRipgrep(
  inside: PathText,
  display: PathText,
  request: SearchRequest,
  pattern: string,
): Promise<SearchAnswer | undefined> {
  const flags = ["--json", "--hidden", "--glob=!.git", `--max-filesize=${maxFileBytes}`, "--sort=path"];
  if (!request.regex) flags.push("--fixed-strings");
  if (request.ignoreCase) flags.push("--ignore-case");
  if (request.glob !== undefined) flags.push(`--glob=${request.glob}`);
  const child = spawn("rg", [...flags, "--regexp", pattern, "--", "./"], {
    // The descriptor path of the open directory, so that a rename cannot redirect the search.
    cwd: inside,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH },
  });
  const ended = new Promise<number | null | "missing">((resolve) => {
    child.once("error", () => resolve("missing"));
    child.once("close", (code) => resolve(code));
  });
  const stop = () => child.kill("SIGKILL");
  const timer = setTimeout(stop, request.timeoutMs);
  request.signal.addEventListener("abort", stop, { once: true });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (complaint.length < 1_000) complaint += chunk.toString("utf8");
  });
  const matches: SearchMatch[] = [];
  let truncated = false;
  const base = display === "/" ? "" : display;
  let code: number | null | "missing";
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const match = ripgrepMatch(line, base);
      if (!match) continue;
      truncated = matches.length >= request.limit;
      if (truncated) break;
      matches.push(match);
    }
    if (truncated) stop();
    code = await ended;
  } finally {
    stop();
    clearTimeout(timer);
    request.signal.removeEventListener("abort", stop);
  }
  request.signal.throwIfAborted();
  if (code === "missing") return undefined;
  if (code === 2 && matches.length === 0 && /regex|glob/i.test(complaint)) {
    throw invalid(`ripgrep refused the search: ${complaint.split("\n", 3).join(" ").trim()}`);
  }
  return { matches, truncated: truncated || code === null, engine: "ripgrep" };
}

function ripgrepMatch(line: string, base: PathText): SearchMatch | undefined {
  const event = parseEvent(line);
  if (member(event, "type") !== "match") return undefined;
  const path = decodeBytes(member(event, "data", "path"));
  const number = member(event, "data", "line_number");
  const content = decodeBytes(member(event, "data", "lines"));
  if (path === undefined || content === undefined || typeof number !== "number") return undefined;
  const text = content
    .toString("utf8")
    .replace(/\r?\n$/, "")
    .slice(0, maxLineChars);
  return { ...toDisplay(`${base}/${decodeName(path).replace(/^\.\//, "")}`), line: number, text };
}

/** ripgrep prints UTF-8 as `text`, and other bytes as base64 in `bytes`. */
function decodeBytes(value: unknown): Buffer | undefined {
  const [text, bytes] = [member(value, "text"), member(value, "bytes")];
  if (typeof text === "string") return Buffer.from(text, "utf8");
  return typeof bytes === "string" ? Buffer.from(bytes, "base64") : undefined;
}

/** The last line may be incomplete if ripgrep was killed at the timeout. */
function parseEvent(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function member(value: unknown, ...names: readonly string[]): unknown {
  let current = value;
  for (const name of names) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Reflect.get(current, name);
  }
  return current;
}
