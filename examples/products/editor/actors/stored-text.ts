/** The text of a document: a Yjs document, kept as a snapshot and the updates since. */
import { diffLines } from "diff";
import { type ActorKv, UserError } from "holdfast";
import * as Y from "yjs";
import { limits } from "../limits.ts";

const updatesBetweenSnapshots = 100;

export class StoredText {
  readonly #kv: ActorKv;
  readonly #doc = new Y.Doc();
  readonly #text = this.#doc.getText("text");
  #updates = 0;
  #bytes = 0;

  private constructor(kv: ActorKv) {
    this.#kv = kv;
  }

  static async load(kv: ActorKv): Promise<StoredText> {
    const stored = new StoredText(kv);
    const snapshot = await kv.get("snapshot", { type: "binary" });
    const updates = (await kv.list("update/", { type: "binary" })).map(([, update]) => update);
    for (const update of snapshot === null ? updates : [snapshot, ...updates]) {
      Y.applyUpdate(stored.#doc, update);
      stored.#bytes += update.length;
    }
    stored.#updates = updates.length;
    return stored;
  }

  toString(): string {
    return this.#text.toString();
  }

  /** What a copy with this state vector lacks, and the vector of this one. */
  since(known: Uint8Array): { missing: Uint8Array; vector: Uint8Array } {
    try {
      return { missing: Y.encodeStateAsUpdate(this.#doc, known), vector: Y.encodeStateVector(this.#doc) };
    } catch {
      throw new UserError("This is no state vector of Yjs", { code: "invalid_update" });
    }
  }

  /**
   * Refuses what is no update, since it would stand in the way of all that was and will be written, and an update that
   * makes the document too long.
   */
  check(update: Uint8Array): void {
    if (!isUpdate(update)) throw new UserError("This is no update of Yjs", { code: "invalid_update" });
    if (this.#bytes + update.length > limits.documentBytes) {
      const message = "This document has had too many changes. Copy its text to a new one.";
      throw new UserError(message, { code: "document_worn" });
    }
    // Each new character takes a byte of the update, at least.
    if (this.#text.length + update.length <= limits.documentCharacters) return;
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(this.#doc));
    Y.applyUpdate(copy, update);
    if (copy.getText("text").length <= Math.max(limits.documentCharacters, this.#text.length)) return;
    const message = `A document has up to ${limits.documentCharacters.toLocaleString("en")} characters`;
    throw new UserError(message, { code: "document_too_long" });
  }

  /** Merges a checked update, as a part of the turn of the caller. */
  async apply(update: Uint8Array): Promise<void> {
    Y.applyUpdate(this.#doc, update);
    this.#bytes += update.length;
    this.#updates += 1;
    if (this.#updates >= updatesBetweenSnapshots) await this.#snapshot();
    else await this.#kv.put(`update/${String(this.#updates).padStart(4, "0")}`, update);
  }

  /** Changes the lines that differ from a text, and returns the update. */
  async replaceWith(text: string): Promise<Uint8Array> {
    const before = Y.encodeStateVector(this.#doc);
    this.#doc.transact(() => {
      let at = 0;
      for (const { value, added, removed } of diffLines(this.toString(), text)) {
        if (added) this.#text.insert(at, value);
        if (removed) this.#text.delete(at, value.length);
        else at += value.length;
      }
    });
    await this.#snapshot();
    return Y.encodeStateAsUpdate(this.#doc, before);
  }

  async #snapshot(): Promise<void> {
    const snapshot = Y.encodeStateAsUpdate(this.#doc);
    this.#bytes = snapshot.length;
    this.#updates = 0;
    await Promise.all([this.#kv.put("snapshot", snapshot), this.#kv.deleteRange("update/", "update0")]);
  }
}

function isUpdate(update: unknown): update is Uint8Array {
  if (!(update instanceof Uint8Array)) return false;
  try {
    Y.decodeUpdate(update);
    return true;
  } catch {
    return false;
  }
}
