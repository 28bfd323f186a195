import type { InstanceStart } from "../../ports/instance-options.ts";
import type { KvEntry } from "../../ports/records.ts";
import { Context } from "../calls/context.ts";
import type { Connections } from "../connections/connections.ts";
import type { ActorState } from "../turn/actor-state.ts";
import { metaKey, readMeta } from "./meta-records.ts";
import { type HotRecords, recordPrefix } from "./part.ts";
import type { Parts } from "./parts.ts";
import type { RunningActor } from "./running-actor.ts";

/** The actor that starts. */
export interface StartingActor extends RunningActor {
  vars: unknown;
  readonly stateHolder: ActorState;
  readonly connections: Connections;
  readonly parts: Parts;
  readonly existingParts: Parts | undefined;
  /** `onCreate` has ended: what it and `createState` made is in the first commit. */
  created(): void;
  /** An earlier instance stored a request to destroy the actor. */
  resumeDestruction(askedAt: number): void;
}

/** Creates an actor, or loads it from the store, and runs its start hooks. */
export async function startActor(runtime: StartingActor, start: InstanceStart): Promise<void> {
  const { definition, stateHolder } = runtime;
  const isNew = start.type === "create";
  const held = start.type === "wake" ? (start.held ?? []) : [];
  if (held.length > 0) runtime.connections.keep(held);
  const hot = isNew ? noRecords : await hotRecords(runtime);
  if (hot.size > 0 || runtime.existingParts !== undefined) await runtime.parts.load(hot, isNew);
  const destroyAskedAt = readMeta(hot.get(recordPrefix.meta), metaKey.destroyAskedAt);
  if (destroyAskedAt !== undefined) runtime.resumeDestruction(destroyAskedAt);
  const connected = hot.get(recordPrefix.connection) ?? [];
  if (held.length > 0 || connected.length > 0) runtime.connections.load(connected);
  const stored = start.type === "wake" ? start.loaded.state : undefined;
  if (stored !== undefined) await stateHolder.load(stored, hot.get(recordPrefix.meta));
  const { onMigrateTimeout } = definition.options;
  await runtime.hook("onMigrate", [new Context(runtime), isNew], onMigrateTimeout);
  if (start.type === "create") {
    await stateHolder.create(start.input);
    await runtime.hook("onCreate", [new Context(runtime), start.input]);
    await runtime.existingParts?.workflow?.created(start.input);
    copyVars(runtime);
    const failure = stateHolder.notifyNow();
    if (failure !== undefined) runtime.errors.report(failure.error);
    runtime.created();
  } else if (stored === undefined) await stateHolder.create(undefined);
  copyVars(runtime);
  await makeVars(runtime);
  await runtime.hook("onWake", [new Context(runtime)]);
}

/** Constant `vars` are available to every hook; a value that is already set stays. */
function copyVars(runtime: StartingActor): void {
  const { vars } = runtime.definition;
  if (vars !== undefined) runtime.vars ??= structuredClone(vars.initial);
}

async function makeVars(runtime: StartingActor): Promise<void> {
  const { hooks, options } = runtime.definition;
  if (hooks.createVars === undefined) return;
  runtime.vars = await runtime.hook(
    "createVars",
    [new Context(runtime), undefined],
    options.createVarsTimeout,
  );
}

const noRecords: HotRecords = new Map();

async function hotRecords(runtime: StartingActor): Promise<HotRecords> {
  const hot = new Map<number, KvEntry[]>();
  const range = { start: new Uint8Array(0), end: new Uint8Array([recordPrefix.firstCold]) };
  for (const entry of await runtime.records.list(range)) {
    const prefix = entry.key[0] ?? 0;
    const entries = hot.get(prefix);
    if (entries === undefined) hot.set(prefix, [entry]);
    else entries.push(entry);
  }
  return hot;
}
