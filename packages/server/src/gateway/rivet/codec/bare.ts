/** BARE messages (draft-devault-bare), each after its version in two bytes: bodies of requests, and frames. */

import { HoldfastError, type WireError } from "@holdfast/core";
import * as bare from "@rivetkit/bare-ts";
import { keyText } from "./key-text.ts";
import type { ClientMessage, QueueBody, ServerMessage } from "./messages.ts";
import { decodeCbor, encodeCbor } from "./values.ts";

/** All versions up to the latest are read, and what a client has sent is answered in its version. */
export const latestVersion = 4;
/** For a client that has not said which version it speaks: every one reads it. */
export const firstVersion = 1;
/** The first version with bodies for queues. */
const queueVersion = 3;
/** The first version whose errors name the actor. */
const errorActorVersion = 4;
const versionBytes = 2;
/** Bodies are bounded before they get here. */
const config = bare.Config({ maxBufferLength: 0x1000_0000 });

/** A decoded message, and the version that its sender speaks. */
export interface Versioned<T> {
  readonly version: number;
  readonly value: T;
}

/** The arguments of a call. Throws `message.malformed_bare`, `message.unsupported_version`, and errors of the values. */
export function decodeCallBody(bytes: Uint8Array): Versioned<unknown> {
  return read(bytes, firstVersion, (cursor) => decodeCbor(readBytes(cursor)));
}

/** As {@link decodeCallBody}, a message for a queue. */
export function decodeQueueBody(bytes: Uint8Array): Versioned<QueueBody> {
  return read(bytes, queueVersion, (cursor) => {
    const body = decodeCbor(readBytes(cursor));
    optional(cursor, bare.readString);
    const wait = optional(cursor, bare.readBool);
    const timeout = optional(cursor, bare.readU64);
    return {
      body,
      ...(wait === undefined ? {} : { wait }),
      ...(timeout === undefined ? {} : { timeout: Number(timeout) }),
    };
  });
}

/** As {@link decodeCallBody}, a frame of a connection. */
export function decodeFrame(bytes: Uint8Array): Versioned<ClientMessage> {
  return read(bytes, firstVersion, (cursor) => {
    const kind = bare.readU8(cursor);
    if (kind === 0) {
      const id = bare.readUint(cursor);
      return { tag: "ActionRequest", id, name: bare.readString(cursor), args: decodeCbor(readBytes(cursor)) };
    }
    if (kind !== 1) throw malformed("a frame is of an unknown kind");
    return {
      tag: "SubscriptionRequest",
      eventName: bare.readString(cursor),
      subscribe: bare.readBool(cursor),
    };
  });
}

export function encodeCallReply(version: number, output: unknown): Uint8Array {
  return write(version, (cursor) => writeBytes(cursor, encodeCbor(output)));
}

export function encodeQueueReply(version: number, status: string, response: unknown): Uint8Array {
  return write(version, (cursor) => {
    bare.writeString(cursor, status);
    writeOptional(cursor, response, (value) => writeBytes(cursor, encodeCbor(value)));
  });
}

export function encodeError(version: number, error: WireError): Uint8Array {
  return write(version, (cursor) => {
    writeErrorHead(cursor, error);
    writeActor(cursor, version, error);
  });
}

export function encodeFrame(version: number, message: ServerMessage): Uint8Array {
  return write(version, (cursor) => {
    switch (message.tag) {
      case "Init":
        bare.writeU8(cursor, 0);
        bare.writeString(cursor, message.actorId);
        bare.writeString(cursor, message.connectionId);
        // Only clients of version 1 read a token here, and they make no use of it.
        if (version === firstVersion) bare.writeString(cursor, "");
        return;
      case "Error":
        bare.writeU8(cursor, 1);
        writeErrorHead(cursor, message.error);
        writeOptional(cursor, message.actionId ?? undefined, (id) => bare.writeUint(cursor, id));
        writeActor(cursor, version, message.error);
        return;
      case "ActionResponse":
        bare.writeU8(cursor, 2);
        bare.writeUint(cursor, message.id);
        return writeBytes(cursor, encodeCbor(message.output));
      case "Event":
        bare.writeU8(cursor, 3);
        bare.writeString(cursor, message.name);
        return writeBytes(cursor, encodeCbor(message.args));
    }
  });
}

function writeErrorHead(cursor: bare.ByteCursor, { group, code, message, metadata }: WireError): void {
  bare.writeString(cursor, group);
  bare.writeString(cursor, code);
  bare.writeString(cursor, message);
  writeOptional(cursor, metadata, (value) => writeBytes(cursor, encodeCbor(value)));
}

function writeActor(cursor: bare.ByteCursor, version: number, { actor }: WireError): void {
  if (version < errorActorVersion) return;
  writeOptional(cursor, actor, ({ actorId, generation, key }) => {
    bare.writeString(cursor, actorId);
    bare.writeUint(cursor, BigInt(generation));
    writeOptional(cursor, key, (parts) => bare.writeString(cursor, keyText(parts)));
  });
}

function read<T>(bytes: Uint8Array, since: number, decode: (cursor: bare.ByteCursor) => T): Versioned<T> {
  if (bytes.length < versionBytes) throw malformed("it has no version");
  const version = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  if (version < since || version > latestVersion) {
    const message = `Version ${version} of this message is not served. Use a client of version 2 of rivetkit`;
    throw new HoldfastError("message", "unsupported_version", message, { metadata: { version } });
  }
  const cursor = new bare.ByteCursor(bytes.subarray(versionBytes), config);
  try {
    const value = decode(cursor);
    if (cursor.offset < cursor.bytes.length) throw malformed("bytes follow the message");
    return { version, value };
  } catch (error) {
    throw error instanceof bare.BareError ? malformed(error.message) : error;
  }
}

function write(version: number, encode: (cursor: bare.ByteCursor) => void): Uint8Array {
  const cursor = new bare.ByteCursor(new Uint8Array(256), config);
  bare.writeU16(cursor, version);
  encode(cursor);
  return cursor.bytes.subarray(0, cursor.offset);
}

function readBytes(cursor: bare.ByteCursor): Uint8Array {
  return bare.readU8Array(cursor);
}

function writeBytes(cursor: bare.ByteCursor, bytes: Uint8Array): void {
  bare.writeU8Array(cursor, bytes);
}

function optional<T>(cursor: bare.ByteCursor, decode: (cursor: bare.ByteCursor) => T): T | undefined {
  return bare.readBool(cursor) ? decode(cursor) : undefined;
}

function writeOptional<T>(cursor: bare.ByteCursor, value: T | undefined, encode: (value: T) => void): void {
  bare.writeBool(cursor, value !== undefined);
  if (value !== undefined) encode(value);
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_bare", `The BARE input is malformed: ${why}`);
}
