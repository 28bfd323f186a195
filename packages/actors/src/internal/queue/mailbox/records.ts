import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import { recordPrefix } from "../../lifecycle/part.ts";

/**
 * Records of queues, format 1: a byte of format, then the CBOR of an array. Keys are the prefix and the
 * number of the message, big-endian, so that they sort by age. Golden files hold them.
 */
const format = 1;

/** An encoded body: the CBOR itself, or its size if it is stored in chunks. */
export type StoredBody = Uint8Array | { readonly bytes: number; readonly chunks: number };

/** Why a message became a dead letter, and its original queue. */
export interface DeathRecord {
  readonly queue: string;
  readonly failedAt: number;
  readonly reason: string;
}

/** The stored fields of a message. */
export interface MessageRecord {
  readonly id: number;
  readonly queue: string;
  readonly createdAt: number;
  /** Number of deliveries. */
  readonly attempt: number;
  /** 0 if it may be delivered immediately. */
  readonly availableAt: number;
  /** 0 if it does not expire. */
  readonly expiresAt: number;
  readonly priority: number;
  /** The idempotency keys of senders that wait for the completion. */
  readonly waiters: readonly string[];
  readonly body: StoredBody;
  /** Set for dead letters, and for messages of a dead-letter queue. */
  readonly death?: DeathRecord | undefined;
}

export function encodeMessage(message: MessageRecord): Uint8Array {
  const { body, death } = message;
  return withFormat([
    message.queue,
    message.createdAt,
    message.attempt,
    message.availableAt,
    message.expiresAt,
    message.priority,
    message.waiters,
    body instanceof Uint8Array ? body : [body.bytes, body.chunks],
    ...(death === undefined ? [] : [[death.queue, death.failedAt, death.reason]]),
  ]);
}

/** Throws `store.unknown_format`. */
export function decodeMessage(key: Uint8Array, value: Uint8Array): MessageRecord {
  const [queue, createdAt, attempt, availableAt, expiresAt, priority, waiters, body, death] = fields(value);
  return {
    id: idOf(key),
    queue: text(queue),
    createdAt: count(createdAt),
    attempt: count(attempt),
    availableAt: count(availableAt),
    expiresAt: count(expiresAt),
    priority: typeof priority === "number" ? priority : 0,
    waiters: list(waiters).map(text),
    body: body instanceof Uint8Array ? body : { bytes: count(list(body)[0]), chunks: count(list(body)[1]) },
    ...(death === undefined ? {} : { death: deathOf(list(death)) }),
  };
}

function deathOf([queue, failedAt, reason]: readonly unknown[]): DeathRecord {
  return { queue: text(queue), failedAt: count(failedAt), reason: text(reason) };
}

/** Records that a message was sent with this key. */
export interface DedupeRecord {
  readonly id: number;
  readonly expiresAt: number;
}

export function encodeDedupe({ id, expiresAt }: DedupeRecord): Uint8Array {
  return withFormat([id, expiresAt]);
}

export function decodeDedupe(value: Uint8Array): DedupeRecord {
  const [id, expiresAt] = fields(value);
  return { id: count(id), expiresAt: count(expiresAt) };
}

/** A send to another actor whose arrival is not known. */
export interface OutboxRecord {
  readonly actor: string;
  /** An id, or a key. */
  readonly address: string | readonly string[];
  /** Whether the actor is created if it does not exist, and with which input. */
  readonly creates: boolean;
  readonly input: unknown;
  readonly queue: string;
  /** The encoded body. */
  readonly body: Uint8Array;
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly options: unknown;
  readonly createdAt: number;
}

export function encodeOutbox(record: OutboxRecord): Uint8Array {
  return withFormat([
    record.actor,
    record.address,
    record.creates,
    record.input,
    record.queue,
    record.body,
    record.params,
    record.idempotencyKey,
    record.options,
    record.createdAt,
  ]);
}

export function decodeOutbox(value: Uint8Array): OutboxRecord {
  const [actor, address, creates, input, queue, body, params, key, options, createdAt] = fields(value);
  return {
    actor: text(actor),
    address: typeof address === "string" ? address : list(address).map(text),
    creates: creates === true,
    input,
    queue: text(queue),
    body: body instanceof Uint8Array ? body : malformed(),
    params,
    idempotencyKey: text(key),
    options,
    createdAt: count(createdAt),
  };
}

/** The hot record: there are cold ones, and the first free id. */
export const hotKey = new Uint8Array([recordPrefix.queue]);

export function encodeHot(nextId: number): Uint8Array {
  return withFormat([nextId]);
}

export function decodeHot(value: Uint8Array): number {
  return count(fields(value)[0]);
}

export function numberedKey(prefix: number, id: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = prefix;
  const view = new DataView(key.buffer);
  view.setUint32(1, Math.floor(id / 0x1_0000_0000));
  view.setUint32(5, id >>> 0);
  return key;
}

export function idOf(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(1) * 0x1_0000_0000 + view.getUint32(5);
}

export function chunkKey(id: number, index: number): Uint8Array {
  const key = new Uint8Array(13);
  key.set(numberedKey(recordPrefix.queueChunk, id));
  new DataView(key.buffer).setUint32(9, index);
  return key;
}

/** A chunk of a long body. */
export function encodeChunk(bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(bytes.length + 1);
  value[0] = format;
  value.set(bytes, 1);
  return value;
}

export function decodeChunk(value: Uint8Array): Uint8Array {
  return checked(value).subarray(1);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Queue names contain no NUL, which separates a name from a key. */
export function dedupeRecordKey(queue: string, key: string): Uint8Array {
  const bytes = encoder.encode(`${queue}\0${key}`);
  const record = new Uint8Array(bytes.length + 1);
  record[0] = recordPrefix.queueDedupe;
  record.set(bytes, 1);
  return record;
}

export function dedupeText(key: Uint8Array): string {
  return decoder.decode(key.subarray(1));
}

function withFormat(values: readonly unknown[]): Uint8Array {
  const body = encodeValue(values);
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = format;
  bytes.set(body, 1);
  return bytes;
}

/** Encoded by this process, it may be as deep as the codec allows. */
const decodeOptions = { maxDepth: 1_010 };

function fields(value: Uint8Array): readonly unknown[] {
  return list(decodeValue(checked(value).subarray(1), decodeOptions));
}

function checked(value: Uint8Array): Uint8Array {
  if (value[0] === format) return value;
  throw new HoldfastError("store", "unknown_format", `A queue record has format ${value[0] ?? "none"}`);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : malformed();
}

function count(value: unknown): number {
  return typeof value === "number" ? value : malformed();
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : malformed();
}

function malformed(): never {
  throw new HoldfastError("store", "corrupt", "A queue record cannot be read");
}

/** All keys with this prefix. */
export function prefixRange(prefix: number): { readonly start: Uint8Array; readonly end: Uint8Array } {
  return { start: new Uint8Array([prefix]), end: new Uint8Array([prefix + 1]) };
}
