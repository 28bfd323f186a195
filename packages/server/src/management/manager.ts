import type { ActorRecord, ListFilter } from "@holdfast/actors";
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
import { defaultNamespace, HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import { exists, findRunning, type RunningFilter } from "./running.ts";

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
  async manage(request: ManageRequest): Promise<unknown> {
    switch (request.type) {
      case "list":
        return this.list(request.name, request.options);
      case "count":
        return (await this.count(request.name, request.options)).count;
      case "destroyMany":
        return this.destroyMany(request.name, request.options);
      case "destroy":
        return this.destroy({ type: "get", name: request.name, key: request.key });
    }
  }

  /** A page of living actors, of all names by default. Throws `actor.invalid_filter`. */
  async list(
    name: string | undefined,
    options: ListActorsOptions = {},
    namespace = defaultNamespace,
  ): Promise<ActorSummaryPage> {
    checkFilter(options);
    const limit = options.limit ?? manageLimits.defaultPage;
    const actors: ActorSummary[] = [];
    const unanswered = new Set<string>();
    let { cursor } = options;
    for (let pages = 0; pages < maxScannedPages; pages++) {
      const from = { ...options, limit: limit - actors.length, ...(cursor === undefined ? {} : { cursor }) };
      const page =
        options.status === "running"
          ? await this.#runningPage(name, from, namespace)
          : await this.#storedPage(name, from, namespace);
      actors.push(
        ...page.actors.filter(({ status }) => options.status === undefined || status === options.status),
      );
      for (const node of page.unanswered ?? []) unanswered.add(node);
      cursor = page.cursor;
      if (cursor === undefined || actors.length >= limit) break;
    }
    return { actors, ...(cursor === undefined ? {} : { cursor }), ...missing([...unanswered]) };
  }

  async count(
    name: string | undefined,
    options: ActorFilter = {},
    namespace = defaultNamespace,
  ): Promise<ActorCount> {
    checkFilter(options);
    const { status } = options;
    const all = (): Promise<number> =>
      this.#directory.store.count(this.#storeFilter(name, options, namespace));
    if (status === undefined) return { count: await all() };
    const filter = this.#runningFilter(name, options, namespace);
    const { count, unanswered } = await findRunning(this.#directory, { type: "count", filter });
    return {
      count: status === "running" ? count : Math.max(0, (await all()) - count),
      ...missing(unanswered),
    };
  }

  /** Throws `actor.not_found`. */
  async info(target: ActorTarget): Promise<ActorSummary> {
    const { id } = await this.#directory.resolve(target);
    const record = await this.#directory.store.get(id);
    if (!exists(record)) throw notFound(id);
    const { summaries } = await this.#summaries([record]);
    return summaries[0] as ActorSummary;
  }

  /** By ids; those that do not exist are omitted. */
  async byIds(ids: readonly string[], namespace: string): Promise<ActorSummaryPage> {
    const { namespaces } = this.#directory;
    const records = await Promise.all(ids.map((id) => this.#directory.store.get(id)));
    const shown = records.filter(exists).filter((record) => namespaces.of(record.name) === namespace);
    const { summaries, unanswered } = await this.#summaries(shown);
    return { actors: summaries, ...missing(unanswered) };
  }

  /** Destroys an actor and its data; `onDestroy` runs. Throws `actor.not_found`. */
  destroy(target: ActorTarget): Promise<void> {
    return this.#directory.destroy(target);
  }

  /** Throws `actor.invalid_filter`, `cluster.nodes_silent`. */
  async destroyMany(name: string, options: DestroyManyOptions = {}): Promise<DestroyManyResult> {
    const { limit = manageLimits.maxPage } = options;
    const { actors, cursor, unanswered } = await this.list(name, { ...options, limit });
    // A filter by status must not destroy what runs unseen.
    if (options.status !== undefined && unanswered !== undefined) throw nodesSilent(unanswered);
    const failed: { id: string; group: string; code: string }[] = [];
    let destroyed = 0;
    const waiting = [...actors];
    const work = async (): Promise<void> => {
      for (let actor = waiting.shift(); actor !== undefined; actor = waiting.shift()) {
        try {
          await this.destroy({ type: "id", name, id: actor.id });
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

  async #storedPage(
    name: string | undefined,
    { limit = manageLimits.defaultPage, cursor, ...options }: ListActorsOptions,
    namespace: string,
  ): Promise<ActorSummaryPage> {
    const page = await this.#directory.store.list({
      ...this.#storeFilter(name, options, namespace),
      ...{ limit, ...(cursor === undefined ? {} : { cursor }) },
    });
    const { summaries, unanswered } = await this.#summaries(page.actors);
    const { cursor: next } = page;
    return { actors: summaries, ...(next === undefined ? {} : { cursor: next }), ...missing(unanswered) };
  }

  async #runningPage(
    name: string | undefined,
    options: ListActorsOptions,
    namespace: string,
  ): Promise<ActorSummaryPage> {
    const { limit = manageLimits.defaultPage, cursor: after = "" } = options;
    const filter = this.#runningFilter(name, options, namespace);
    // One more tells whether there are any behind the page.
    const question = { type: "page", filter, after, limit: limit + 1 } as const;
    const { ids, unanswered } = await findRunning(this.#directory, question);
    const shown = ids.slice(0, limit);
    const records = await Promise.all(shown.map((id) => this.#directory.store.get(id)));
    const actors = records
      .filter(exists)
      .filter(({ createdAt }) => createdAt > filter.createdAfter)
      .map((record) => this.#summary(record, "running"));
    const last = shown.at(-1);
    const cursor = ids.length > limit && last !== undefined ? { cursor: last } : {};
    return { actors, ...cursor, ...missing(unanswered) };
  }

  /** The records, and which of the actors run. */
  async #summaries(records: readonly ActorRecord[]): Promise<{
    readonly summaries: readonly ActorSummary[];
    readonly unanswered: readonly string[];
  }> {
    const ids = records.map(({ id }) => id);
    if (ids.length === 0) return { summaries: [], unanswered: [] };
    const { ids: found, unanswered } = await findRunning(this.#directory, { type: "among", ids });
    const running = new Set(found);
    const statusOf = (id: string): ActorStatus => (running.has(id) ? "running" : "sleeping");
    return { summaries: records.map((record) => this.#summary(record, statusOf(record.id))), unanswered };
  }

  #runningFilter(
    name: string | undefined,
    { prefix, createdAfter = 0 }: ActorFilter,
    namespace: string,
  ): RunningFilter {
    const keyPrefix = prefix === undefined ? "" : prefixText(prefix);
    return { ...(name === undefined ? {} : { name }), namespace, keyPrefix, createdAfter };
  }

  #storeFilter(
    name: string | undefined,
    { prefix, createdAfter }: ActorFilter,
    namespace: string,
  ): ListFilter {
    return {
      ...(name === undefined ? this.#directory.namespaces.filter(namespace) : { name }),
      ...(prefix === undefined ? {} : { keyPrefix: prefixText(prefix) }),
      ...(createdAfter === undefined ? {} : { createdAfter }),
    };
  }

  #summary({ id, name, key, createdAt, wakeAt }: ActorRecord, status: ActorStatus): ActorSummary {
    return {
      id,
      name: this.#directory.namespaces.bare(name),
      key,
      status,
      createdAt,
      ...(wakeAt === undefined ? {} : { wakeAt }),
    };
  }
}

/** How many actors match. */
export interface ActorCount {
  readonly count: number;
  /** See `ActorSummaryPage`. */
  readonly unanswered?: readonly string[];
}

const unforeseen = { group: "internal", code: "internal_error" } as const;

function missing(unanswered: readonly string[]): Pick<ActorSummaryPage, "unanswered"> {
  return unanswered.length === 0 ? {} : { unanswered };
}

function nodesSilent(nodes: readonly string[]): HoldfastError {
  const message = `It is not known which actors run, because these nodes did not answer: ${nodes.join(", ")}. Nothing was destroyed. Try again, or leave out the status`;
  return new HoldfastError("cluster", "nodes_silent", message, { statusCode: 503, metadata: { nodes } });
}

function notFound(id: string): HoldfastError {
  return new HoldfastError("actor", "not_found", "The actor does not exist", { metadata: { id } });
}
