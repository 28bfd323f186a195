import type { ConnectionMemory, OutgoingEvent } from "@holdfast/actors";
import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import type { ResumableState } from "./hibernating-connections.ts";

/** A connection whose actor moves to another node. */
export interface MovedConnection extends ResumableState {
  readonly id: string;
  readonly memory: ConnectionMemory;
}

/** Format 1: this byte, then the CBOR of the events and the connections. Golden files hold it. */
const format = 1;

/**
 * The connections of one actor as bytes. An event that several of them keep is written once. Connections whose events
 * exceed `maxEventBytes` together with those before them are left out.
 */
export function encodeMovedConnections(
  connections: readonly MovedConnection[],
  maxEventBytes: number,
): Uint8Array {
  const numbers = new Map<OutgoingEvent, number>();
  const events: (readonly [name: string, args: Uint8Array])[] = [];
  let bytes = 0;
  const encoded: unknown[] = [];
  for (const { id, tokens, memory, kept } of connections) {
    const added = kept.events.filter((event) => !numbers.has(event));
    const size = added.reduce((sum, { args }) => sum + args.length, 0);
    if (bytes + size > maxEventBytes) continue;
    bytes += size;
    for (const event of added) {
      // A connection may keep the same event twice.
      if (numbers.has(event)) continue;
      numbers.set(event, events.length);
      events.push([event.name, event.args]);
    }
    const runs = runsOf(kept.events.map((event) => numbers.get(event) ?? 0));
    encoded.push([id, [...tokens], [...memory.subscriptions], [...memory.rooms], kept.first, runs]);
  }
  const body = encodeValue([events, encoded]);
  const document = new Uint8Array(body.length + 1);
  document[0] = format;
  document.set(body, 1);
  return document;
}

/** Throws `store.unknown_format`. */
export function decodeMovedConnections(document: Uint8Array): readonly MovedConnection[] {
  if (document[0] !== format) throw malformed(`format ${document[0] ?? "none"}`);
  const body = decodeValue(document.slice(1), { maxDepth: maxDepth });
  const [events, connections] = listOf(body);
  const shared = listOf(events).map((each): OutgoingEvent => {
    const [name, args] = listOf(each);
    if (typeof name !== "string" || !(args instanceof Uint8Array)) throw malformed("a damaged event");
    return { name, args };
  });
  return listOf(connections).map((each) => {
    const [id, tokens, subscriptions, rooms, first, runs] = listOf(each);
    if (typeof id !== "string" || typeof first !== "number") throw malformed("a damaged connection");
    return {
      id,
      tokens: textsOf(tokens),
      memory: { subscriptions: textsOf(subscriptions), rooms: textsOf(rooms) },
      kept: { first, events: expand(listOf(runs), shared) },
    };
  });
}

/** Document, lists, connection, its lists. */
const maxDepth = 8;

/** Consecutive numbers as start and length, one after the other: broadcasts reach connections in the same order. */
function runsOf(numbers: readonly number[]): readonly number[] {
  const runs: number[] = [];
  let next = -1;
  for (const number of numbers) {
    if (number === next) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
    else runs.push(number, 1);
    next = number + 1;
  }
  return runs;
}

function expand(runs: readonly unknown[], events: readonly OutgoingEvent[]): readonly OutgoingEvent[] {
  const expanded: OutgoingEvent[] = [];
  for (let at = 0; at < runs.length; at += 2) {
    const start = runs[at];
    const length = runs[at + 1];
    if (typeof start !== "number" || typeof length !== "number") throw malformed("damaged runs of events");
    if (start < 0 || start + length > events.length) throw malformed("events that are missing");
    for (const event of events.slice(start, start + length)) expanded.push(event);
  }
  return expanded;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed("a value that is not a list");
  return value;
}

function textsOf(value: unknown): readonly string[] {
  const texts = listOf(value);
  if (!texts.every((text) => typeof text === "string")) throw malformed("a value that is not a text");
  return texts;
}

function malformed(what: string): HoldfastError {
  return new HoldfastError("store", "unknown_format", `The stored connections of an actor have ${what}`);
}
