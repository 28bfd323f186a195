import type { ActorInstance, ActorRecord } from "@holdfast/actors";
import {
  type ActorFilter,
  type ActorStatus,
  type ActorSummary,
  type ActorSummaryPage,
  type ActorTarget,
  checkFilter,
  type DestroyManyOptions,
  type DestroyManyResult,
  type ListActorsOptions,
  type ManageRequest,
  manageLimits,
  prefixText,
} from "@holdfast/client";
import { encodeKey, HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";

/** Pages of sleeping actors that are searched for one response; the caller continues with the cursor. */
const maxScannedPages = 16;
/** Number of actors that are destroyed concurrently. */
const destroyConcurrency = 16;

/** Operations on many actors: list, count, put to sleep, destroy. */
export class ActorManager {
  readonly #directory: Directory;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** Requests of a client in this process. */
  manage(request: ManageRequest): Promise<unknown> {
    switch (request.type) {
      case "list":
        return this.list(request.name, request.options);
      case "count":
        return this.count(request.name, request.options);
      case "destroyMany":
        return this.destroyMany(request.name, request.options);
      case "destroy":
        return this.destroy({ type: "get", name: request.name, key: request.key });
    }
  }

  /** A page of living actors, of all names by default. Throws `actor.invalid_filter`. */
  async list(name: string | undefined, options: ListActorsOptions = {}): Promise<ActorSummaryPage> {
    checkFilter(options);
    const limit = options.limit ?? manageLimits.defaultPage;
    if (options.status === "running") return this.#listRunning(name, options, limit);
    const actors: ActorSummary[] = [];
    let { cursor } = options;
    for (let pages = 0; pages < maxScannedPages; pages++) {
      const page = await this.#directory.store.list({
        ...storeFilter(name, options),
        limit: limit - actors.length,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const shown = page.actors.map((record) => this.#summary(record));
      actors.push(...shown.filter(({ status }) => options.status === undefined || status === options.status));
      cursor = page.cursor;
      if (cursor === undefined || actors.length >= limit) break;
    }
    return { actors, ...(cursor === undefined ? {} : { cursor }) };
  }

  async count(name: string | undefined, options: ActorFilter = {}): Promise<number> {
    checkFilter(options);
    const { status } = options;
    const running = async (): Promise<number> => (await this.#running(name, options)).length;
    if (status === "running") return running();
    const all = await this.#directory.store.count(storeFilter(name, options));
    return status === undefined ? all : all - (await running());
  }

  /** Throws `actor.not_found`. */
  async info(target: ActorTarget): Promise<ActorSummary> {
    const { id } = await this.#directory.resolve(target);
    const record = await this.#directory.store.get(id);
    if (record === undefined || record.destroyedAt !== undefined) throw notFound(id);
    return this.#summary(record);
  }

  /** By ids; those that do not exist are omitted. */
  async byIds(ids: readonly string[]): Promise<readonly ActorSummary[]> {
    const records = await Promise.all(ids.map((id) => this.#directory.store.get(id)));
    return records.flatMap((record) =>
      record === undefined || record.destroyedAt !== undefined ? [] : [this.#summary(record)],
    );
  }

  /** Destroys an actor and its data; `onDestroy` runs. Throws `actor.not_found`. */
  destroy(target: ActorTarget): Promise<void> {
    return this.#directory.destroy(target);
  }

  async destroyMany(name: string | undefined, options: DestroyManyOptions = {}): Promise<DestroyManyResult> {
    const { limit = manageLimits.maxPage } = options;
    const { actors, cursor } = await this.list(name, { ...options, limit });
    const failed: { id: string; group: string; code: string }[] = [];
    let destroyed = 0;
    const waiting = [...actors];
    const work = async (): Promise<void> => {
      for (let actor = waiting.shift(); actor !== undefined; actor = waiting.shift()) {
        try {
          await this.destroy({ type: "id", name: actor.name, id: actor.id });
          destroyed++;
        } catch (error) {
          // An actor that no longer exists is as good as destroyed.
          if (isErrorCode(error, "actor", "not_found")) continue;
          const { group, code } = isHoldfastError(error) ? error : unforeseen;
          failed.push({ id: actor.id, group, code });
        }
      }
    };
    await Promise.all(Array.from({ length: destroyConcurrency }, work));
    return { destroyed, failed, more: cursor !== undefined };
  }

  /** Puts an actor to sleep; resolves when it is out of memory. */
  async sleep(target: ActorTarget): Promise<void> {
    const { id } = await this.#directory.resolve(target);
    await this.#directory.sleep(id);
  }

  async #listRunning(
    name: string | undefined,
    options: ListActorsOptions,
    limit: number,
  ): Promise<ActorSummaryPage> {
    const { cursor = "" } = options;
    const found = (await this.#running(name, options)).filter(({ id }) => id > cursor);
    const actors = found.slice(0, limit).map((record) => this.#summary(record));
    const last = actors.at(-1);
    return { actors, ...(found.length > limit && last !== undefined ? { cursor: last.id } : {}) };
  }

  /** The records of matching actors in memory, by id. */
  async #running(name: string | undefined, options: ActorFilter): Promise<readonly ActorRecord[]> {
    const { prefix, createdAfter = 0 } = options;
    const start = prefix === undefined ? "" : prefixText(prefix);
    const fits = (instance: ActorInstance): boolean =>
      (name === undefined || instance.name === name) && encodeKey(instance.key).startsWith(start);
    const records = await Promise.all(
      [...this.#directory.instances()].filter(fits).map(({ id }) => this.#directory.store.get(id)),
    );
    return records
      .filter((record): record is ActorRecord => record !== undefined && record.destroyedAt === undefined)
      .filter(({ createdAt }) => createdAt > createdAfter)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #summary({ id, name, key, createdAt, wakeAt }: ActorRecord): ActorSummary {
    const status: ActorStatus = this.#directory.isInMemory(id) ? "running" : "sleeping";
    return { id, name, key, status, createdAt, ...(wakeAt === undefined ? {} : { wakeAt }) };
  }
}

const unforeseen = { group: "internal", code: "internal_error" } as const;

function storeFilter(
  name: string | undefined,
  { prefix, createdAfter }: ActorFilter,
): { readonly name?: string; readonly keyPrefix?: string; readonly createdAfter?: number } {
  return {
    ...(name === undefined ? {} : { name }),
    ...(prefix === undefined ? {} : { keyPrefix: prefixText(prefix) }),
    ...(createdAfter === undefined ? {} : { createdAfter }),
  };
}

function notFound(id: string): HoldfastError {
  return new HoldfastError("actor", "not_found", "The actor does not exist", { metadata: { id } });
}
