import { HoldfastError } from "@holdfast/core";
import { recordPrefix } from "../../lifecycle/part.ts";
import { workflowLimits } from "../limits.ts";

/** A segment of a path: the name of an entry or branch, or the number of an iteration. */
export type Segment = string | number;

/** The first byte after the prefix of the history: the kind of record. */
export const historySpace = { entry: 0x01, signal: 0x02, input: 0x03, output: 0x04, ordinals: 0x05 } as const;

const nameTag = 0x01;
const iterationTag = 0x02;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const rootPrefix: Uint8Array = new Uint8Array([recordPrefix.workflowHistory, historySpace.entry]);

/** Holds the next ordinal after entries were deleted, so that ordinals are not reused. */
export const ordinalsKey: Uint8Array = new Uint8Array([recordPrefix.workflowHistory, historySpace.ordinals]);

/** Every segment is self-delimiting, so that exactly the entries below a location share its bytes as a prefix. */
export function appendSegment(prefix: Uint8Array, segment: Segment): Uint8Array {
  if (typeof segment === "number") {
    const key = new Uint8Array(prefix.length + 5);
    key.set(prefix);
    key[prefix.length] = iterationTag;
    new DataView(key.buffer).setUint32(prefix.length + 1, segment);
    return key;
  }
  const name = encoder.encode(segment);
  const key = new Uint8Array(prefix.length + 3 + name.length);
  key.set(prefix);
  key[prefix.length] = nameTag;
  new DataView(key.buffer).setUint16(prefix.length + 1, name.length);
  key.set(name, prefix.length + 3);
  return key;
}

/** Parses a path that {@link appendSegment} wrote. Throws `store.unknown_format`. */
export function decodePath(key: Uint8Array): Segment[] {
  const path: Segment[] = [];
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  let at = rootPrefix.length;
  try {
    while (at < key.length) {
      const tag = key[at];
      if (tag === iterationTag) {
        path.push(view.getUint32(at + 1));
        at += 5;
      } else if (tag === nameTag) {
        const length = view.getUint16(at + 1);
        if (at + 3 + length > key.length) throw new RangeError("short name");
        path.push(decoder.decode(key.subarray(at + 3, at + 3 + length)));
        at += 3 + length;
      } else throw new RangeError("unknown segment");
    }
  } catch (error) {
    throw new HoldfastError("store", "unknown_format", "A key of a workflow history cannot be read", {
      cause: error,
    });
  }
  return path;
}

/** A path as text: `checkout/items/~3/charge`. */
export function showPath(path: readonly Segment[]): string {
  return path.map((segment) => (typeof segment === "number" ? `~${segment}` : segment)).join("/");
}

/** Throws `workflow.invalid_name`. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name !== "string" || name === "") {
    throw new HoldfastError("workflow", "invalid_name", `The name of a ${what} must be a non-empty string`);
  }
  if (
    name.length > workflowLimits.maxNameBytes ||
    encoder.encode(name).length > workflowLimits.maxNameBytes
  ) {
    const message = `The name of a ${what} has at most ${workflowLimits.maxNameBytes} bytes`;
    throw new HoldfastError("workflow", "invalid_name", message, { metadata: { name: name.slice(0, 80) } });
  }
}
