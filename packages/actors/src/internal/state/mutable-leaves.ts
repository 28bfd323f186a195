import { LazyMap } from "../util/lazy.ts";
import type { Node } from "./node.ts";

type Fingerprint = number | string | Uint8Array;

/** Dates, bytes and errors that user code has received from the state, with fingerprints of their content. */
export class MutableLeaves {
  readonly #handedOut = new LazyMap<Node, Fingerprint>();

  get empty(): boolean {
    return this.#handedOut.size === 0;
  }

  touch(node: Node): void {
    if (!this.#handedOut.has(node)) this.#handedOut.set(node, fingerprint(node.raw));
  }

  /** The leaves that have changed since the last check; their fingerprints are updated. */
  changed(): Node[] {
    const changed: Node[] = [];
    for (const [node, before] of this.#handedOut) {
      if (matches(node.raw, before)) continue;
      this.#handedOut.set(node, fingerprint(node.raw));
      changed.push(node);
    }
    return changed;
  }

  clear(): void {
    this.#handedOut.clear();
  }

  /** Restores the content that the leaves had when they were handed out. */
  restore(): void {
    for (const [node, before] of this.#handedOut)
      if (!matches(node.raw, before)) restoreContent(node.raw, before);
    this.#handedOut.clear();
  }
}

function fingerprint(value: object): Fingerprint {
  if (value instanceof Date) return value.getTime();
  if (value instanceof Error) return `${String(value.name)}\n${String(value.message)}`;
  return bytesOf(value)?.slice() ?? "";
}

function matches(value: object, before: Fingerprint): boolean {
  if (typeof before === "object") {
    const now = bytesOf(value);
    return now !== undefined && equalBytes(now, before);
  }
  return Object.is(fingerprint(value), before);
}

function restoreContent(value: object, before: Fingerprint): void {
  if (value instanceof Date && typeof before === "number") value.setTime(before);
  else if (value instanceof Error && typeof before === "string") {
    const line = before.indexOf("\n");
    value.name = before.slice(0, line);
    value.message = before.slice(line + 1);
  } else if (typeof before === "object") bytesOf(value)?.set(before);
}

function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
