import { callLarge, KeyedActors } from "@holdfast/adapter-kit";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  copyCheckpoint,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  TASKS,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import type { LangGraphClient } from "../actors.ts";
import { factory } from "../actors.ts";
import { checkpointIdOf, namespaceOf, requiredCheckpointId, requiredThread, threadOf } from "./config.ts";
import type { threadActor } from "./thread-actor.ts";
import type {
  CheckpointAddress,
  HeadPage,
  HeadQuery,
  StoredCheckpoint,
  Typed,
  VersionText,
} from "./types.ts";

type Threads = KeyedActors<ReturnType<typeof threadActor>>;

/** Checkpoints that a list fetches at a time. */
const fetchedAtOnce = 8;

/** Options of {@link HoldfastSaver}. */
export interface HoldfastSaverOptions {
  /** Serializer of checkpoints; that of LangGraph by default. */
  readonly serde?: SerializerProtocol;
}

/**
 * Keeps the checkpoints of LangGraph in actors: one for each thread. When a method resolves, what it stored is durable.
 * Errors: `adapter.actor_missing`, `adapter.call_too_large`, `langgraph.invalid_config`, and those of calls.
 */
export class HoldfastSaver extends BaseCheckpointSaver {
  readonly #threads: Threads;

  /** `client` is `registry.client`, or one of `createClient` for a registry with `langGraphActors`. */
  constructor(client: LangGraphClient, options: HoldfastSaverOptions = {}) {
    super(options.serde);
    this.#threads = new KeyedActors(client.langGraphThread, { name: "langGraphThread", factory });
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const thread = threadOf(config);
    if (thread === undefined) return undefined;
    const namespace = namespaceOf(config);
    const id = getCheckpointId(config);
    const stored =
      id === ""
        ? await this.#threads.find([thread], (handle) =>
            callLarge(handle, handle.latestCheckpoint, namespace),
          )
        : (await this.#read(thread, [{ namespace, id }]))[0];
    if (stored === undefined || stored === null) return undefined;
    const tuple = await this.#tuple(thread, stored);
    return id === "" ? tuple : { ...tuple, config };
  }

  /** Without a thread: all threads in the order of their creation, which requires the rights of the server's owner. */
  override async *list(
    config: RunnableConfig,
    options: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    const thread = threadOf(config);
    for await (const each of thread === undefined ? this.#allThreads() : [thread]) {
      for await (const tuple of this.#listThread(each, config, options, left)) {
        yield tuple;
        left -= 1;
        if (left <= 0) return;
      }
    }
  }

  async *#allThreads(): AsyncGenerator<string> {
    for await (const [thread] of this.#threads.keys()) if (thread !== undefined) yield thread;
  }

  async *#listThread(
    thread: string,
    config: RunnableConfig,
    { before, filter }: CheckpointListOptions,
    limit: number,
  ): AsyncGenerator<CheckpointTuple> {
    const namespace: unknown = config.configurable?.["checkpoint_ns"];
    const id = checkpointIdOf(config);
    const beforeId = before === undefined ? undefined : checkpointIdOf(before);
    const base: HeadQuery = {
      ...(typeof namespace === "string" ? { namespace } : {}),
      ...(id === undefined ? {} : { id }),
      ...(beforeId === undefined ? {} : { before: beforeId }),
    };
    let page: HeadPage | undefined;
    do {
      const last = page?.heads.at(-1);
      const query =
        last === undefined ? base : { ...base, after: { namespace: last.namespace, id: last.id } };
      page = await this.#threads.find([thread], (handle) => callLarge(handle, handle.listHeads, query));
      if (page === undefined) return;
      const wanted: CheckpointAddress[] = [];
      for (const head of page.heads)
        if (await this.#fits(head.metadata, filter)) wanted.push({ namespace: head.namespace, id: head.id });
      const size = Math.min(fetchedAtOnce, limit);
      for (let at = 0; at < wanted.length; at += size)
        for (const stored of await this.#read(thread, wanted.slice(at, at + size)))
          yield await this.#tuple(thread, stored);
    } while (page.more);
  }

  async #fits(metadata: Typed, filter: CheckpointListOptions["filter"]): Promise<boolean> {
    const entries = Object.entries(filter ?? {});
    if (entries.length === 0) return true;
    const value: Record<string, unknown> = await this.serde.loadsTyped(metadata.type, metadata.bytes);
    return entries.every(([key, expected]) => JSON.stringify(value[key]) === JSON.stringify(expected));
  }

  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const thread = requiredThread(config);
    const namespace = namespaceOf(config);
    const parentId = checkpointIdOf(config);
    const { channel_values: values, ...rest } = copyCheckpoint(checkpoint);
    const changed = Object.keys(newVersions);
    const given = {
      ...{ namespace, id: checkpoint.id, changed },
      ...(parentId === undefined ? {} : { parentId }),
      checkpoint: await this.#dump(rest),
      metadata: await this.#dump(metadata),
      versions: versionTexts(checkpoint.channel_versions, newVersions),
      values: await this.#dumpValues(values, changed),
    };
    await this.#threads.open([thread], async (handle) => {
      const { needed } = await callLarge(handle, handle.putCheckpoint, given);
      if (needed.length === 0) return;
      const further = { ...given.values, ...(await this.#dumpValues(values, needed)) };
      const stated = { ...given, values: further, changed: [...changed, ...needed] };
      await callLarge(handle, handle.putCheckpoint, stated);
    });
    return addressConfig(thread, namespace, checkpoint.id);
  }

  async #dumpValues(
    values: Readonly<Record<string, unknown>>,
    channels: readonly string[],
  ): Promise<Record<string, Typed>> {
    const present = channels.filter((channel) => Object.hasOwn(values, channel));
    const dumped = present.map(async (channel) => [channel, await this.#dump(values[channel])] as const);
    return Object.fromEntries(await Promise.all(dumped));
  }

  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    const thread = requiredThread(config);
    const id = requiredCheckpointId(config);
    const dumped = writes.map(async ([channel, value], position) => ({
      channel,
      index: WRITES_IDX_MAP[channel] ?? position,
      data: await this.#dump(value),
    }));
    const given = { namespace: namespaceOf(config), id, taskId, taskPath, writes: await Promise.all(dumped) };
    await this.#threads.open([thread], (handle) => callLarge(handle, handle.putWrites, given));
  }

  override async deleteThread(threadId: string): Promise<void> {
    await this.#threads.find([threadId], (handle) => handle.destroy());
  }

  async #read(thread: string, addresses: readonly CheckpointAddress[]): Promise<StoredCheckpoint[]> {
    const read = this.#threads.find([thread], (handle) =>
      callLarge(handle, handle.readCheckpoints, addresses),
    );
    return (await read) ?? [];
  }

  async #tuple(thread: string, stored: StoredCheckpoint): Promise<CheckpointTuple> {
    const { namespace, id, parentId } = stored;
    const checkpoint: Checkpoint = await this.#load(stored.checkpoint);
    const values = Object.entries(stored.values).map(
      async ([channel, value]) => [channel, await this.#load(value)] as const,
    );
    checkpoint.channel_values = Object.fromEntries(await Promise.all(values));
    if (checkpoint.v < 4 && parentId !== undefined)
      await this.#addPendingSends(checkpoint, thread, { namespace, id: parentId });
    const writes = stored.writes.map(
      async ({ taskId, channel, data }): Promise<[string, string, unknown]> => [
        taskId,
        channel,
        await this.#load(data),
      ],
    );
    return {
      config: addressConfig(thread, namespace, id),
      checkpoint,
      metadata: await this.#load<CheckpointMetadata>(stored.metadata),
      pendingWrites: await Promise.all(writes),
      ...(parentId === undefined ? {} : { parentConfig: addressConfig(thread, namespace, parentId) }),
    };
  }

  /** Before version 4 of checkpoints, tasks to be sent were writes of the parent. */
  async #addPendingSends(checkpoint: Checkpoint, thread: string, parent: CheckpointAddress): Promise<void> {
    const [stored] = await this.#read(thread, [parent]);
    const sends = (stored?.writes ?? []).filter(({ channel }) => channel === TASKS);
    checkpoint.channel_values[TASKS] = await Promise.all(sends.map(({ data }) => this.#load(data)));
    const versions = Object.values(checkpoint.channel_versions);
    checkpoint.channel_versions[TASKS] =
      versions.length > 0 ? maxChannelVersion(...versions) : this.getNextVersion(undefined);
  }

  async #dump(value: unknown): Promise<Typed> {
    const [type, bytes] = await this.serde.dumpsTyped(value);
    return { type, bytes };
  }

  async #load<T>({ type, bytes }: Typed): Promise<T> {
    return await this.serde.loadsTyped(type, bytes);
  }
}

function versionTexts(...versions: readonly ChannelVersions[]): Record<string, VersionText> {
  const all = Object.entries(Object.assign({}, ...versions) as ChannelVersions);
  return Object.fromEntries(
    all.map(([channel, version]) => [channel, `${typeof version === "number" ? "n" : "s"}:${version}`]),
  );
}

function addressConfig(thread: string, namespace: string, id: string): RunnableConfig {
  return { configurable: { thread_id: thread, checkpoint_ns: namespace, checkpoint_id: id } };
}
