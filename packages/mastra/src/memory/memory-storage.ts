import { randomUUID } from "node:crypto";
import { callLarge, KeyedActors } from "@holdfast/adapter-kit";
import type { ActorHandle } from "@holdfast/client";
import type { ActorKey } from "@holdfast/core";
import type { MastraDBMessage, StorageThreadType } from "@mastra/core/memory";
import {
  calculatePagination,
  MemoryStorage,
  normalizePerPage,
  type StorageCloneThreadInput,
  type StorageCopyThreadOutput,
  type StorageListMessagesByResourceIdInput,
  type StorageListMessagesInput,
  type StorageListMessagesOutput,
  type StorageListThreadsInput,
  type StorageListThreadsOutput,
  type StorageResourceType,
  validateStorageMetadataFilter,
} from "@mastra/core/storage";
import type { MastraClient } from "../actors.ts";
import type { memoryActor } from "./memory-actor.ts";
import { isPresent, messageOf, messageRow, resourceOf, resourceRow, threadOf, threadRow } from "./rows.ts";
import type { MessageChange, MessageQuery } from "./types.ts";

type MemoryActor = ReturnType<typeof memoryActor>;
type MessageUpdates = Parameters<MemoryStorage["updateMessages"]>[0];

const messagesOfPage = 40;
const threadsOfPage = 100;

/** The actors with memory, of which a storage uses one. */
export function memoryActors(client: MastraClient): KeyedActors<MemoryActor> {
  return new KeyedActors(client.mastraMemory, { name: "mastraMemory", factory: "mastraActors" });
}

/** Keeps threads, messages and resources in an actor. */
export class HoldfastMemory extends MemoryStorage {
  /** A missing title or metadata of a change leaves what was there. */
  override readonly supportsPartialThreadUpdate = true;
  readonly #actors: KeyedActors<MemoryActor>;
  readonly #key: ActorKey;

  constructor(client: MastraClient, key: ActorKey) {
    super();
    this.#actors = memoryActors(client);
    this.#key = key;
  }

  async getThreadById(args: { threadId: string; resourceId?: string }): Promise<StorageThreadType | null> {
    const { threadId, resourceId } = args;
    const row = await this.#call((handle) => callLarge(handle, handle.readThread, threadId));
    return row === null || (resourceId !== undefined && row.resourceId !== resourceId) ? null : threadOf(row);
  }

  async saveThread({ thread }: { thread: StorageThreadType }): Promise<StorageThreadType> {
    await this.#call((handle) => callLarge(handle, handle.saveThread, threadRow(thread)));
    return thread;
  }

  async updateThread(args: {
    id: string;
    title?: string;
    metadata?: Record<string, unknown>;
  }): Promise<StorageThreadType> {
    const { id, title, metadata } = args;
    const change = {
      ...{ id, ...(title === undefined ? {} : { title }) },
      ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
    };
    const row = await this.#call((handle) => callLarge(handle, handle.updateThread, change));
    if (row === null) throw new Error(`There is no thread "${id}"`);
    return threadOf(row);
  }

  async deleteThread({ threadId }: { threadId: string }): Promise<void> {
    await this.#call((handle) => callLarge(handle, handle.deleteThread, threadId));
  }

  async listThreads(args: StorageListThreadsInput): Promise<StorageListThreadsOutput> {
    const { page = 0, perPage: asked, orderBy, filter } = args;
    this.validatePaginationInput(page, asked ?? threadsOfPage);
    this.validateMetadataKeys(filter?.metadata);
    const limit = normalizePerPage(asked, threadsOfPage);
    const { offset, perPage } = calculatePagination(page, asked, limit);
    const query = {
      ...this.parseOrderBy(orderBy),
      ...{ offset, limit },
      ...(filter?.resourceId === undefined ? {} : { resourceId: filter.resourceId }),
      ...(filter?.metadata === undefined ? {} : { metadata: JSON.stringify(filter.metadata) }),
    };
    const found = await this.#call((handle) => callLarge(handle, handle.listThreads, query));
    const { threads, total } = found;
    return { threads: threads.map(threadOf), total, page, perPage, hasMore: offset + threads.length < total };
  }

  override async copyThread(args: StorageCloneThreadInput): Promise<StorageCopyThreadOutput> {
    const { sourceThreadId, newThreadId = randomUUID(), resourceId, title, metadata, options } = args;
    const { startDate, endDate, messageIds } = options?.messageFilter ?? {};
    const limit = options?.messageLimit;
    const copy = {
      ...{ sourceId: sourceThreadId, id: newThreadId },
      ...(resourceId === undefined ? {} : { resourceId }),
      ...(title === undefined ? {} : { title }),
      ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
      ...(limit === undefined || limit <= 0 ? {} : { limit }),
      ...(startDate === undefined ? {} : { from: startDate.getTime() }),
      ...(endDate === undefined ? {} : { to: endDate.getTime() }),
      ...(messageIds === undefined || messageIds.length === 0 ? {} : { messageIds }),
    };
    const answer = await this.#call((handle) => callLarge(handle, handle.copyThread, copy));
    if (!("refused" in answer))
      return { thread: threadOf(answer.thread), messageIdMap: { ...answer.messageIds } };
    if (answer.refused === "exists") throw new Error(`There is a thread "${newThreadId}" already`);
    throw new Error(`There is no thread "${sourceThreadId}" to copy`);
  }

  async listMessages(args: StorageListMessagesInput): Promise<StorageListMessagesOutput> {
    const { threadId, resourceId } = args;
    const threadIds = Array.isArray(threadId) ? threadId : [threadId];
    if (threadIds.length === 0 || threadIds.some((id) => id.trim() === ""))
      throw new Error("threadId is a text that is not empty, or a list of such texts");
    return await this.#listMessages(args, {
      threadIds,
      ...(resourceId === undefined || resourceId === "" ? {} : { resourceId }),
    });
  }

  override async listMessagesByResourceId(
    args: StorageListMessagesByResourceIdInput,
  ): Promise<StorageListMessagesOutput> {
    return await this.#listMessages(args, { resourceId: args.resourceId });
  }

  async #listMessages(
    args: Omit<StorageListMessagesByResourceIdInput, "resourceId">,
    scope: Pick<MessageQuery, "threadIds" | "resourceId">,
  ): Promise<StorageListMessagesOutput> {
    const { page = 0, perPage: asked, orderBy, filter, include = [] } = args;
    const metadata = validateStorageMetadataFilter(filter?.metadata);
    const limit = normalizePerPage(asked, messagesOfPage);
    this.validatePaginationInput(page, asked ?? messagesOfPage);
    const { offset, perPage } = calculatePagination(page, asked, limit);
    const { start, end, startExclusive = false, endExclusive = false } = filter?.dateRange ?? {};
    const query: MessageQuery = {
      ...scope,
      ...{ direction: this.parseOrderBy(orderBy, "ASC").direction, offset, limit },
      ...(start === undefined ? {} : { from: { at: new Date(start).getTime(), exclusive: startExclusive } }),
      ...(end === undefined ? {} : { to: { at: new Date(end).getTime(), exclusive: endExclusive } }),
      ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
      include: include.map(({ id, withPreviousMessages: before = 0, withNextMessages: after = 0 }) => ({
        ...{ id, before, after },
      })),
    };
    const found = await this.#call((handle) => callLarge(handle, handle.listMessages, query));
    const total = limit === 0 ? 0 : found.total;
    const hasMore = limit > 0 && offset + found.found < total;
    return { messages: found.messages.map(messageOf), total, page, perPage, hasMore };
  }

  async listMessagesById(args: { messageIds: string[] }): Promise<{ messages: MastraDBMessage[] }> {
    const rows = await this.#call((handle) => callLarge(handle, handle.messagesById, args.messageIds));
    return { messages: rows.map(messageOf) };
  }

  async saveMessages(args: { messages: MastraDBMessage[] }): Promise<{ messages: MastraDBMessage[] }> {
    const rows = args.messages.map(messageRow);
    if (rows.length > 0) await this.#call((handle) => callLarge(handle, handle.saveMessages, rows));
    return { messages: args.messages };
  }

  async updateMessages({ messages }: MessageUpdates): Promise<MastraDBMessage[]> {
    const changes = messages.map((message): MessageChange => {
      const { id, threadId, resourceId, role, type, content } = message;
      const change = { threadId, resourceId, role, type };
      return {
        ...{ id, ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) },
        ...(content === undefined ? {} : { content: JSON.stringify(content) }),
      };
    });
    const rows = await this.#call((handle) => callLarge(handle, handle.updateMessages, changes));
    return rows.map(messageOf);
  }

  override async deleteMessages(messageIds: string[]): Promise<void> {
    if (messageIds.length > 0)
      await this.#call((handle) => callLarge(handle, handle.deleteMessages, messageIds));
  }

  override async getResourceById(args: { resourceId: string }): Promise<StorageResourceType | null> {
    const row = await this.#call((handle) => callLarge(handle, handle.readResource, args.resourceId));
    return row === null ? null : resourceOf(row);
  }

  override async saveResource(args: { resource: StorageResourceType }): Promise<StorageResourceType> {
    const row = resourceRow(args.resource);
    await this.#call((handle) => callLarge(handle, handle.saveResource, row));
    return args.resource;
  }

  override async updateResource(args: {
    resourceId: string;
    workingMemory?: string;
    metadata?: Record<string, unknown>;
  }): Promise<StorageResourceType> {
    const { resourceId: id, workingMemory, metadata } = args;
    const change = {
      ...{ id, ...(workingMemory === undefined ? {} : { workingMemory }) },
      ...(isPresent(metadata) ? { metadata: JSON.stringify(metadata) } : {}),
    };
    return resourceOf(await this.#call((handle) => callLarge(handle, handle.updateResource, change)));
  }

  async dangerouslyClearAll(): Promise<void> {
    await this.#call((handle) => callLarge(handle, handle.clearMemory, undefined));
  }

  async #call<T>(call: (handle: ActorHandle<MemoryActor>) => Promise<T>): Promise<T> {
    return await this.#actors.open(this.#key, call);
  }
}
