import { randomUUID } from "node:crypto";
import { type ImageHeader, type ImagePart, invalidImport, type NewIdentity } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { type ImageSink, readImage } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { Blobs } from "../blobs.ts";
import type { Argument } from "../command.ts";
import type { Connections } from "../connection/connections.ts";
import { addressHash } from "../keys.ts";
import { dropRestoreScript, finishRestoreScript, stageScript } from "../scripts/restore.ts";
import { entryArguments, stateKinds } from "../turn-server.ts";

interface RestoreOptions {
  readonly connections: Connections;
  readonly prefix: string;
  readonly blobs: Blobs;
  readonly now: number;
}

/**
 * Writes an image as a new actor: its parts first, which nobody sees without a row, and its row last, by one script. A
 * crash in between leaves parts that are removed as abandoned.
 */
export class Restore {
  readonly #as: NewIdentity;
  readonly #header: ImageHeader;
  readonly #options: RestoreOptions;
  #version = 0;
  #snapshot: number | undefined;
  #database: { readonly pageSize: number; readonly pages: number } | undefined;

  constructor(as: NewIdentity, header: ImageHeader, options: RestoreOptions) {
    this.#as = as;
    this.#header = header;
    this.#options = options;
  }

  async run(parts: AsyncIterable<ImagePart>, scratch: string): Promise<void> {
    const { connections, prefix, blobs } = this.#options;
    const { id } = this.#as;
    await blobs.startPending(`restore ${id}`);
    try {
      await readImage(parts, this.#sink(), scratch);
      await connections.run(finishRestoreScript, prefix, ...this.#row());
    } catch (error) {
      await connections.run(dropRestoreScript, prefix, id);
      throw error;
    }
  }

  #sink(): ImageSink {
    const { now, blobs } = this.#options;
    return {
      state: async (type, bytes) => {
        this.#version += 1;
        if (type === "snapshot") this.#snapshot = this.#version;
        await this.#stage("state", this.#version, stateKinds[type], now, bytes);
      },
      entries: async (entries) => {
        const args = entries.flatMap((entry) => entryArguments({ type: "put", ...entry }));
        await this.#stage("entries", entries.length, ...args);
      },
      pages: async ({ pageSize, pages, changed }) => {
        this.#database = { pageSize, pages };
        await this.#stage("pages", changed.length, ...changed.flatMap(({ no, bytes }) => [no, bytes]));
      },
      blob: async (hash, source) => {
        const stored = await blobs.put(this.#as.id, source, limits.maxBlobBytes);
        if (stored.hash !== hash) throw invalidImport("A blob of the image is damaged");
      },
    };
  }

  async #stage(...args: readonly Argument[]): Promise<void> {
    const { connections, prefix } = this.#options;
    await connections.run(stageScript, prefix, this.#as.id, ...args);
  }

  #row(): readonly Argument[] {
    const { id, name, key, createdAt } = this.#as;
    const { wakeAt } = this.#header;
    return [
      ...[id, name, encodeKey(key), addressHash(name, key), createdAt, wakeAt ?? ""],
      ...[Math.max(1, this.#version), `restored-${randomUUID()}`, this.#snapshot ?? ""],
      ...[this.#database?.pageSize ?? "", this.#database?.pages ?? ""],
    ];
  }
}
