import type { ActorRecord, CallRecord, StoredState } from "@holdfast/actors";
import { decodeKey } from "@holdfast/core";
import { type AcquiredDatabase, type CommittedRow, corrupt } from "@holdfast/store-kit";
import type { Reply } from "./command.ts";

/** Answers of scripts, each checked: another program may have changed the keys. */
export function list(reply: Reply | undefined): readonly Reply[] {
  if (Array.isArray(reply)) return reply as readonly Reply[];
  throw corrupt("The server answers something else than a list");
}

/** A plain array: a `Buffer` does not equal one in deep comparisons. */
export function bytes(reply: Reply | undefined): Uint8Array {
  if (!Buffer.isBuffer(reply)) throw corrupt("The server answers something else than bytes");
  return new Uint8Array(reply.buffer, reply.byteOffset, reply.byteLength);
}

export function text(reply: Reply | undefined): string {
  if (!Buffer.isBuffer(reply)) throw corrupt("The server answers something else than text");
  return reply.toString();
}

export function integer(reply: Reply | undefined): number {
  const value = typeof reply === "number" ? reply : Number(text(reply));
  if (Number.isSafeInteger(value)) return value;
  throw corrupt("The server answers something else than a whole number");
}

export function optionalInteger(reply: Reply | undefined): number | undefined {
  return reply === null || reply === undefined ? undefined : integer(reply);
}

/** Undefined for the fields of a row that does not exist. */
export function actorRecord(id: string, fields: readonly Reply[]): ActorRecord | undefined {
  const [name, key, epoch, version, createdAt, destroyed, wake, place] = fields;
  if (name === null || name === undefined) return undefined;
  const destroyedAt = optionalInteger(destroyed);
  const wakeAt = optionalInteger(wake);
  return {
    id,
    name: text(name),
    key: decodeKey(text(key)),
    epoch: integer(epoch),
    version: integer(version),
    createdAt: integer(createdAt),
    ...(destroyedAt === undefined ? {} : { destroyedAt }),
    ...(wakeAt === undefined ? {} : { wakeAt }),
    ...(place === null || place === undefined ? {} : { place: text(place) }),
  };
}

/** An id and its fields, as the scripts of the look-up return them. */
export function identified(reply: Reply): ActorRecord | undefined {
  const [id, fields] = list(reply);
  return actorRecord(text(id), list(fields));
}

/** Epoch, version, last commit, time of destruction, version of the snapshot. */
export function committedRow(fields: readonly Reply[]): CommittedRow | undefined {
  const [epoch, version, lastCommit, destroyed, snapshot] = fields;
  if (version === null || version === undefined) return undefined;
  return {
    epoch: integer(epoch),
    version: integer(version),
    lastCommit: text(lastCommit),
    isDestroyed: destroyed !== null,
    hasState: snapshot !== null,
  };
}

/** Epoch, version, and version, page size and pages of the database. */
export function acquiredDatabase(fields: readonly Reply[]): AcquiredDatabase {
  const [epoch, version, written, pageSize, pages] = fields;
  const content = optionalInteger(written);
  return {
    epoch: integer(epoch),
    version: integer(version),
    content:
      content === undefined
        ? undefined
        : { version: content, pageSize: integer(pageSize), pages: integer(pages) },
  };
}

/** The values of a log from a snapshot on. */
export function storedState(values: readonly Reply[]): StoredState | undefined {
  const [snapshot, ...patches] = values.map(bytes);
  return snapshot === undefined ? undefined : { snapshot, patches };
}

/** A call record as stored: when it expires, a letter for its status, and its outcome, if it has one. */
export function callValue({ expiresAt, status, outcome }: CallRecord): Buffer {
  const letter = status === "started" ? "s" : outcome === undefined ? "n" : "d";
  return Buffer.concat([Buffer.from(`${expiresAt}:${letter}:`), outcome ?? new Uint8Array()]);
}

export function callRecord(key: string, value: Uint8Array): CallRecord {
  const head = /^(-?\d+):([snd]):/.exec(Buffer.from(value.subarray(0, 24)).toString("latin1"));
  if (head === null) throw corrupt("A call record cannot be read");
  const outcome = head[2] === "d" ? { outcome: value.slice(head[0].length) } : {};
  return { key, status: head[2] === "s" ? "started" : "done", expiresAt: Number(head[1]), ...outcome };
}
