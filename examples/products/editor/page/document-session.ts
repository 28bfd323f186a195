/**
 * An open document: a Yjs document that follows its actor. Changes are sent while there is a connection; without one
 * they wait here, and in the browser's storage in case the page is closed, and merge when it is back.
 */
import { type ActorConn, HoldfastError } from "holdfast/client";
import * as Y from "yjs";
import type { Info, Presence } from "../actors/document.ts";
import type { registry } from "../actors.ts";
import type { User } from "../sessions.ts";
import { client } from "./api.ts";

type DocumentConn = ActorConn<NonNullable<(typeof registry)["~actors"]>["document"]>;

export interface SessionState {
  readonly status: "opening" | "online" | "offline" | "closed";
  /** Changes that the server has not confirmed yet. */
  readonly isUnsaved: boolean;
  readonly info: Info | undefined;
  readonly user: User | undefined;
  readonly present: ReadonlyMap<string, Presence>;
  /** Why the document cannot be opened, or why a change was refused. */
  readonly error: string | undefined;
}

const remote = Symbol("remote");
const sendDelayMs = 30;

/** Why a connection ends, by the code of its error. */
const reasons: Readonly<Record<string, string>> = {
  not_found: "This document does not exist, or was deleted",
  destroyed: "This document was deleted",
  not_a_member: "This document is not shared with you",
  signed_out: "You are signed out",
};

export class DocumentSession {
  readonly text: Y.Text;
  readonly #doc = new Y.Doc();
  readonly #conn: DocumentConn;
  readonly #storage: UnsavedChanges;
  readonly #listeners = new Set<() => void>();
  #state: SessionState = {
    ...{ status: "opening", isUnsaved: false, present: new Map() },
    ...{ info: undefined, user: undefined, error: undefined },
  };
  #unsent: Uint8Array[] = [];
  #sending: Uint8Array | undefined;
  #position: readonly [anchor: Uint8Array | undefined, head: Uint8Array | undefined] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string) {
    this.text = this.#doc.getText("text");
    this.#storage = new UnsavedChanges(id, this.#doc.clientID);
    const conn = client.document.get([id]).connect();
    this.#conn = conn;
    conn.on("update", (update) => Y.applyUpdate(this.#doc, update, remote));
    conn.on("info", (info) => this.#set({ info }));
    conn.onPresence((present) => this.#set({ present: present as ReadonlyMap<string, Presence> }));
    conn.onOpen(() => void this.#open());
    conn.onGap(() => void this.#open());
    conn.onClose(() => this.#set({ status: this.#state.status === "closed" ? "closed" : "offline" }));
    conn.onError(({ code, message }) => this.#close(reasons[code] ?? message));
    this.#doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== remote) this.#changed(update);
    });
    addEventListener("pagehide", this.#keep);
  }

  get conn(): DocumentConn {
    return this.#conn;
  }

  get state(): SessionState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  async dispose(): Promise<void> {
    this.#keep();
    removeEventListener("pagehide", this.#keep);
    clearTimeout(this.#timer);
    if (this.#state.status === "online") await this.#send();
    await this.#conn.dispose();
    this.#doc.destroy();
  }

  /** Gives changes up that the server refuses, and opens the document as others see it. */
  discard(): void {
    this.#unsent = [];
    this.#sending = undefined;
    this.#storage.clear();
    location.reload();
  }

  /** Shows others where the caret is. */
  readonly point = (anchor: Uint8Array | undefined, head: Uint8Array | undefined): void => {
    this.#position = [anchor, head];
    this.#schedule();
  };

  /** Merges what others did meanwhile, and then sends what was done here meanwhile. */
  async #open(): Promise<void> {
    try {
      const { missing, info, user } = await this.#conn.open(Y.encodeStateVector(this.#doc));
      Y.applyUpdate(this.#doc, missing, remote);
      this.#set({ status: "online", info, user });
      for (const update of this.#storage.take()) Y.applyUpdate(this.#doc, update);
      await this.#send();
    } catch (error) {
      this.#refused(error);
    }
  }

  #changed(update: Uint8Array): void {
    this.#unsent.push(update);
    this.#set({ isUnsaved: true });
    if (this.#state.status !== "online") this.#keep();
    this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
      // After the change: a position may be in text that others do not have yet.
      if (this.#position !== undefined && this.#state.status === "online") {
        this.#conn.point(...this.#position).catch(() => undefined);
        this.#position = undefined;
      }
    }, sendDelayMs);
  }

  /** Sends all changes as one, one call at a time. The client repeats a call whose connection was lost. */
  async #send(): Promise<void> {
    if (this.#sending !== undefined || this.#unsent.length === 0 || this.#state.status !== "online") return;
    const update = Y.mergeUpdates(this.#unsent);
    this.#sending = update;
    this.#unsent = [];
    try {
      await this.#conn.edit(update);
    } catch (error) {
      this.#unsent.unshift(update);
      return this.#refused(error);
    } finally {
      this.#sending = undefined;
    }
    if (this.#unsent.length > 0) return this.#send();
    this.#storage.clear();
    this.#set({ isUnsaved: false });
  }

  /** What the server refuses, it refuses again: the document is closed, and its changes are kept in this browser. */
  #refused(error: unknown): void {
    if (!(error instanceof HoldfastError) || error.group !== "user") return;
    this.#close(error.message);
  }

  #close(error: string): void {
    this.#keep();
    this.#set({ status: "closed", error });
  }

  readonly #keep = (): void => {
    const unsaved = [...(this.#sending === undefined ? [] : [this.#sending]), ...this.#unsent];
    if (unsaved.length > 0) this.#storage.put(Y.mergeUpdates(unsaved));
  };

  #set(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** Changes that were not sent, in the storage of this browser. Each page writes a key of its own. */
class UnsavedChanges {
  readonly #prefix: string;
  readonly #key: string;

  constructor(document: string, page: number) {
    this.#prefix = `unsaved/${document}/`;
    this.#key = `${this.#prefix}${page}`;
  }

  put(update: Uint8Array): void {
    try {
      localStorage.setItem(this.#key, btoa(Array.from(update, (byte) => String.fromCharCode(byte)).join("")));
    } catch {
      // A full or forbidden storage: the changes are in this page alone, as the page says.
    }
  }

  /** The changes of pages that were closed. What another page has sent meanwhile merges without effect. */
  take(): Uint8Array[] {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.#prefix) && key !== this.#key);
    return keys.map((key) => {
      const update = Uint8Array.from(atob(localStorage.getItem(key) ?? ""), (text) => text.charCodeAt(0));
      localStorage.removeItem(key);
      return update;
    });
  }

  clear(): void {
    localStorage.removeItem(this.#key);
  }
}
