import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import { removeTree } from "@holdfast/sandbox-client/node";
import { machinePrograms } from "../guest/programs.ts";
import type { Machine, MachineFolders } from "./machine.ts";
import { warmUp } from "./warm-up.ts";

/** Where V8 keeps the code that it has compiled for the programs of a machine. */
export interface CodeCacheFolder {
  readonly path: string;
  /** Only the machine that makes it, in which nothing of an actor runs, may write it: others run what is in it. */
  readonly mode: "ro" | "rw";
}

export interface CodeCacheOptions {
  /** Folder of the caches. */
  readonly directory: string;
  /** Folder of the programs. */
  readonly programs: string;
  readonly log: Logger;
}

/** The compiled code of the programs of machines, which spares each of them to compile it again. */
export class CodeCache {
  readonly #options: CodeCacheOptions;
  readonly #path: string;
  #isThere: boolean;
  #making = false;

  constructor(options: CodeCacheOptions) {
    const { directory, programs } = options;
    const { size, mtimeMs } = statSync(join(programs, machinePrograms.guest));
    const made = [programs, size, mtimeMs, process.version, process.arch];
    const key = createHash("sha256").update(JSON.stringify(made));
    this.#options = options;
    this.#path = join(directory, key.digest("hex").slice(0, 24));
    this.#isThere = existsSync(this.#path);
  }

  /** Undefined before it has been made. */
  get folder(): CodeCacheFolder | undefined {
    return this.#isThere ? { path: this.#path, mode: "ro" } : undefined;
  }

  /** Makes it once, with a machine of its own that ends at once. Without it, machines start slower, so nothing is thrown. */
  async make(launch: (folders: MachineFolders, cache: CodeCacheFolder) => Promise<Machine>): Promise<void> {
    if (this.#isThere || this.#making) return;
    this.#making = true;
    const partial = `${this.#path}.${process.pid}.partial`;
    const cache = join(partial, "cache");
    const folders = { home: join(partial, "home"), workspace: join(partial, "workspace") };
    try {
      for (const path of [cache, ...Object.values(folders)])
        await mkdir(path, { recursive: true, mode: 0o700 });
      const machine = await warmUp(await launch(folders, { path: cache, mode: "rw" }));
      // The code is written when the program ends by itself.
      await machine.stop(endMs);
      await rename(cache, this.#path).catch((error: unknown) => {
        // Another process was faster.
        if (!existsSync(this.#path)) throw error;
      });
      this.#isThere = true;
    } catch (error) {
      this.#options.log.warn("could not keep the compiled programs of machines", { error });
    } finally {
      await removeTree(partial);
    }
  }
}

const endMs = 5_000;

/**
 * This program, without the code cache if its folder is gone, as when the host has ended meanwhile and its data are
 * removed: Node then tries for ever to make its own folder in it (`MKDirpSync` of Node 24, on a folder that is
 * mounted and has been removed).
 */
export function ifCacheIsThere(program: readonly [string, ...string[]]): readonly [string, ...string[]] {
  if (process.platform === "win32") return program;
  const script =
    'd=$NODE_COMPILE_CACHE/found; mkdir "$d" 2>/dev/null && rmdir "$d" || unset NODE_COMPILE_CACHE; exec "$0" "$@"';
  return ["/bin/sh", "-c", script, ...program];
}
