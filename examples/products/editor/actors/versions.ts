/** Earlier texts of a document: a list in its state, and each text in its key-value store. */
import { type ActorKv, UserError } from "holdfast";
import { limits } from "../limits.ts";
import type { StoredText } from "./stored-text.ts";

export interface Version {
  readonly id: number;
  readonly savedAt: number;
  /** Names of those who have edited since the version before it. */
  readonly by: readonly string[];
  readonly label: string | undefined;
  readonly characters: number;
}

export interface Versioned {
  readonly kv: ActorKv;
  readonly vars: { readonly text: StoredText };
  readonly state: {
    versions: Version[];
    nextVersion: number;
    /** Names of those who have edited since the latest version. */
    editors: string[];
    changedAt: number;
  };
}

const pauseMs = 60_000;
const longestMs = 300_000;

/** Before a change that comes after a pause, or after much work without one. True if a version was added. */
export async function keepVersionBefore(c: Versioned, now: number): Promise<boolean> {
  const last = c.state.versions.at(-1);
  const isDue = now - c.state.changedAt > pauseMs || now - (last?.savedAt ?? now) > longestMs;
  return isDue && c.state.editors.length > 0 ? await keepVersion(c, c.state.changedAt, undefined) : false;
}

/** Keeps the text as it is now, unless it has not changed since the latest version and has no name. */
export async function keepVersion(
  c: Versioned,
  savedAt: number,
  label: string | undefined,
): Promise<boolean> {
  const { state } = c;
  if (state.editors.length === 0 && label === undefined) return false;
  const text = c.vars.text.toString();
  const version = { id: state.nextVersion, savedAt, by: state.editors, label, characters: text.length };
  const tooMany = Math.max(0, state.versions.length + 1 - limits.versionsOfDocument);
  const dropped = state.versions.slice(0, tooMany);
  state.versions = [...state.versions.slice(tooMany), version];
  state.nextVersion += 1;
  state.editors = [];
  await c.kv.put(versionKey(version.id), text);
  await c.kv.batchDelete(dropped.map(({ id }) => versionKey(id)));
  return true;
}

export async function versionText(c: Versioned, id: number): Promise<string> {
  const text = c.state.versions.some((version) => version.id === id) ? await c.kv.get(versionKey(id)) : null;
  if (text === null) throw new UserError("This version is no longer kept", { code: "no_version" });
  return text;
}

function versionKey(id: number): string {
  return `version/${id}`;
}
