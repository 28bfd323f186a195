import { type SandboxAgent, SandboxAgentError } from "@holdfast/sandbox-client";
import { invalid } from "../errors.ts";
import { agentOsLimits } from "../limits.ts";
import type { BatchReadResult, BatchWriteEntry, BatchWriteResult, DirEntry, VirtualStat } from "../types.ts";
import { readContent, readPath, readRecord } from "./input.ts";
import type { Vm } from "./vm.ts";

/** Files of a machine. Relative paths are below HOME. */
export class Files {
  readonly #vm: Vm;

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  read(path: unknown): Promise<Uint8Array> {
    const query = { path: readPath(path) };
    return this.#vm.use((client) => client.readFsFile(query));
  }

  async write(path: unknown, content: unknown): Promise<void> {
    const query = { path: readPath(path) };
    const given = readContent(content, "content");
    const body = typeof given === "string" ? given : new Uint8Array(given);
    await this.#vm.change((client) => client.writeFsFile(query, body));
  }

  async readMany(paths: unknown): Promise<BatchReadResult[]> {
    const results: BatchReadResult[] = [];
    let bytes = 0;
    for (const path of readList(paths, "paths").map(readPath)) {
      try {
        const content = await this.read(path);
        bytes += content.byteLength;
        if (bytes > agentOsLimits.maxReadBytes)
          throw invalid(`The files have more than ${agentOsLimits.maxReadBytes} bytes together`);
        results.push({ path, content });
      } catch (error) {
        results.push({ path, content: null, error: textOf(error) });
      }
    }
    return results;
  }

  async writeMany(entries: unknown): Promise<BatchWriteResult[]> {
    const checked = readList(entries, "entries").map((entry): BatchWriteEntry => {
      const { path, content } = readRecord(entry, "an entry");
      return { path: readPath(path), content: readContent(content, "content") };
    });
    const results: BatchWriteResult[] = [];
    for (const { path, content } of checked) {
      try {
        await this.write(path, content);
        results.push({ path, success: true });
      } catch (error) {
        results.push({ path, success: false, error: textOf(error) });
      }
    }
    return results;
  }

  async mkdir(path: unknown): Promise<void> {
    const query = { path: readPath(path) };
    await this.#vm.change((client) => client.mkdirFs(query));
  }

  async list(path: unknown): Promise<string[]> {
    const query = { path: readPath(path) };
    return (await this.#vm.use((client) => client.listFsEntries(query))).map(({ name }) => name);
  }

  /** All entries below a folder, parents first. Links are not followed. */
  async listAll(path: unknown, given: unknown): Promise<DirEntry[]> {
    const start = readPath(path);
    const options = given === undefined ? {} : readRecord(given, "the options");
    const maxDepth =
      options["maxDepth"] === undefined ? Number.POSITIVE_INFINITY : Number(options["maxDepth"]);
    if (!(maxDepth >= 0)) throw invalid("maxDepth must be a number");
    const excluded = new Set(options["exclude"] === undefined ? [] : readList(options["exclude"], "exclude"));
    const found: DirEntry[] = [];
    await this.#vm.use(async (client) => {
      let level = [start];
      for (let depth = 0; level.length > 0 && depth <= maxDepth; depth += 1) {
        const next: string[] = [];
        for (const folder of level) {
          for (const entry of await client.listFsEntries({ path: folder })) {
            if (excluded.has(entry.name)) continue;
            if (found.length === agentOsLimits.maxListedEntries)
              throw invalid(`There are more than ${agentOsLimits.maxListedEntries} entries below ${start}`);
            const at = `${folder === "/" ? "" : folder.replace(/\/+$/, "")}/${entry.name}`;
            const isDirectory = entry.entryType === "directory";
            found.push({ path: at, type: entry.entryType, size: entry.size, isDirectory });
            if (isDirectory) next.push(at);
          }
        }
        level = next;
      }
    });
    return found;
  }

  async stat(path: unknown): Promise<VirtualStat> {
    const { size, entryType, modified } = await this.#stat(readPath(path));
    const isDirectory = entryType === "directory";
    const at = modified == null ? 0 : Date.parse(modified);
    return {
      ...{ size, isDirectory, isSymbolicLink: false, mode: isDirectory ? 0o755 : 0o644 },
      ...{ mtimeMs: at, atimeMs: at, ctimeMs: at, birthtimeMs: at },
    };
  }

  async exists(path: unknown): Promise<boolean> {
    try {
      await this.#stat(readPath(path));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async move(from: unknown, to: unknown): Promise<void> {
    const request = { from: readPath(from), to: readPath(to), overwrite: true };
    await this.#vm.change((client) => client.moveFs(request));
  }

  async remove(path: unknown, given: unknown): Promise<void> {
    const options = given === undefined ? {} : readRecord(given, "the options");
    const query = { path: readPath(path), recursive: options["recursive"] === true };
    await this.#vm.change((client) => client.deleteFsEntry(query));
  }

  #stat(path: string): ReturnType<SandboxAgent["statFs"]> {
    return this.#vm.use((client) => client.statFs({ path }));
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof SandboxAgentError && /^(?:ENOENT|ENOTDIR)\b/.test(error.message);
}

function readList(value: unknown, what: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(`${what} must be a list`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
