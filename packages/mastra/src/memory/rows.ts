import type { MastraDBMessage, StorageThreadType } from "@mastra/core/memory";
import type { StorageResourceType } from "@mastra/core/storage";
import type { MessageRow, ResourceRow, ThreadRow } from "./types.ts";

export function isPresent<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

export function threadRow(thread: StorageThreadType): ThreadRow {
  const { id, resourceId, title, metadata, createdAt, updatedAt } = thread;
  return {
    ...{ id, resourceId, title: title ?? null, metadata: jsonOf(metadata) },
    ...{ createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) },
  };
}

export function threadOf(row: ThreadRow): StorageThreadType {
  const { id, resourceId, title, metadata, createdAt, updatedAt } = row;
  return {
    ...{ id, resourceId, createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) },
    ...(title === null ? {} : { title }),
    ...(metadata === null ? {} : { metadata: JSON.parse(metadata) }),
  };
}

export function resourceRow(resource: StorageResourceType): ResourceRow {
  const { id, workingMemory, metadata, createdAt, updatedAt } = resource;
  return {
    ...{ id, workingMemory: workingMemory ?? null, metadata: jsonOf(metadata) },
    ...{ createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) },
  };
}

export function resourceOf(row: ResourceRow): StorageResourceType {
  const { id, workingMemory, metadata, createdAt, updatedAt } = row;
  return {
    ...{ id, createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) },
    ...(workingMemory === null ? {} : { workingMemory }),
    ...(metadata === null ? {} : { metadata: JSON.parse(metadata) }),
  };
}

export function messageRow(message: MastraDBMessage): MessageRow {
  const { id, threadId, resourceId, role, type, content, createdAt } = message;
  if (threadId === undefined || threadId === "")
    throw new Error(`The message "${id}" names no thread. Give it a threadId`);
  return {
    ...{ id, threadId, resourceId: resourceId ?? null, role, type: type ?? null },
    ...{ content: JSON.stringify(content), createdAt: timeOf(createdAt) },
  };
}

export function messageOf(row: MessageRow): MastraDBMessage {
  const { id, threadId, resourceId, role, type, content, createdAt } = row;
  return {
    ...{ id, threadId, createdAt: new Date(createdAt) },
    // What was saved was a message of these types.
    role: role as MastraDBMessage["role"],
    content: JSON.parse(content),
    ...(resourceId === null ? {} : { resourceId }),
    ...(type === null ? {} : { type }),
  };
}

/** Mastra passes times also as texts that JSON made of them. */
function timeOf(time: Date | string): number {
  return new Date(time).getTime();
}

function jsonOf(value: unknown): string | null {
  return isPresent(value) ? JSON.stringify(value) : null;
}
