/** History, images and copies of actors. */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type {
  ActorImage,
  ActorRecord,
  HistoryStore,
  ImagePart,
  NewIdentity,
  StoredState,
} from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import { duplicateKey, indeterminate, notFound } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { ActorData } from "../actor-data.ts";
import type { Blobs } from "../blobs.ts";
import type { Connections } from "../connection/connections.ts";
import { list } from "../rows.ts";
import { imageScript } from "../scripts/actor.ts";
import { ImageReader, imageHeader } from "./image.ts";
import { Restore } from "./restore.ts";

export interface RedisHistoryOptions {
  readonly ports: Ports;
  readonly connections: Connections;
  readonly prefix: string;
  readonly cachePath: string;
  readonly blobs: Blobs;
  readonly data: ActorData;
  readonly get: (id: string) => Promise<ActorRecord | undefined>;
  /** Resolves when no commit of this actor is waiting. */
  readonly settled: (actorId: string) => Promise<void>;
}

export class RedisHistory implements HistoryStore {
  readonly #options: RedisHistoryOptions;
  readonly #scratch: string;

  constructor(options: RedisHistoryOptions) {
    this.#options = options;
    this.#scratch = join(options.cachePath, "scratch");
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async stateAt(actorId: string, at: number): Promise<StoredState | undefined> {
    const { data, settled } = this.#options;
    await settled(actorId);
    return data.stateAt(actorId, at);
  }

  /** The server copies the actor at once; the parts are read from the copy, which is then removed. */
  async image(actorId: string): Promise<ActorImage> {
    const { connections, prefix, settled } = this.#options;
    await settled(actorId);
    const copy = randomUUID();
    const row = await connections.run(imageScript, prefix, actorId, copy, limits.imageMs);
    if (row === null) throw notFound(actorId);
    const fields = list(row);
    const reader = new ImageReader(this.#options, actorId, copy, fields);
    return { header: imageHeader(actorId, fields), parts: reader.parts() };
  }

  async restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord> {
    const { connections, prefix, blobs, ports, get } = this.#options;
    const parts = image.parts[Symbol.asyncIterator]();
    try {
      // Started before anything can fail: a generator that was never started cannot be returned from, and its copy
      // would stay.
      const first = await parts.next();
      if ((await get(as.id)) !== undefined) throw duplicateKey();
      const now = ports.clock.now();
      const restore = new Restore(as, image.header, { connections, prefix, blobs, now });
      await restore.run(continued(first, parts), this.#scratch);
      const record = await get(as.id);
      if (record === undefined) throw indeterminate(new Error("The restored actor is missing"));
      return record;
    } finally {
      await parts.return?.();
    }
  }
}

async function* continued(
  first: IteratorResult<ImagePart>,
  parts: AsyncIterator<ImagePart>,
): AsyncGenerator<ImagePart> {
  for (let next = first; next.done !== true; next = await parts.next()) yield next.value;
}
