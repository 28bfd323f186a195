import type { ActorInstance, HibernatedConnection } from "../../ports/instance.ts";
import type { InstanceStart } from "../../ports/instance-options.ts";
import type { KvEntry } from "../../ports/records.ts";
import { Context } from "../calls/context.ts";
import type { Connections } from "../connections/connections.ts";
import { takeMovedConnections } from "../connections/moved-records.ts";
import type { ActorCore } from "./actor-core.ts";
import { metaKey, readMeta } from "./meta-records.ts";
import { type HotRecords, recordPrefix } from "./part.ts";
import type { Parts } from "./parts.ts";

/** The components that a start loads, or calls hooks with. */
interface StartDependencies
  extends Pick<
    ActorCore,
    "context" | "definition" | "errors" | "host" | "phase" | "records" | "state" | "turn"
  > {
  readonly connections: Connections;
  readonly instance: ActorInstance;
  readonly parts: Parts;
  readonly existingParts: Parts | undefined;
}

/** Creates an actor, or loads it from the store, and runs its start hooks. */
export async function startActor(actor: StartDependencies, start: InstanceStart): Promise<void> {
  const { definition, phase, state, turn } = actor;
  const isNew = start.type === "create";
  let heldConnections = start.type === "wake" ? (start.held ?? []) : [];
  if (heldConnections.length > 0) actor.connections.adopt(heldConnections);
  const hot = isNew ? noRecords : await hotRecords(actor);
  // Refused before anything is changed: the next node may know this version.
  if (start.type === "wake" && start.loaded.state !== undefined) state.check(hot.get(recordPrefix.meta));
  const moved = movedConnections(actor, hot);
  if (moved.length > 0) {
    heldConnections = [...heldConnections, ...moved];
    actor.connections.adopt(heldConnections);
  }
  if (hot.size > 0 || actor.existingParts !== undefined) await actor.parts.load(hot, isNew);
  // An earlier instance stored a request to destroy the actor.
  const destroyRequestedAt = readMeta(hot.get(recordPrefix.meta), metaKey.destroyAskedAt);
  if (destroyRequestedAt !== undefined) phase.destroyRequestedAt = destroyRequestedAt;
  const connected = hot.get(recordPrefix.connection) ?? [];
  if (heldConnections.length > 0 || connected.length > 0) actor.connections.load(connected);
  const stored = start.type === "wake" ? start.loaded.state : undefined;
  if (stored !== undefined) await state.load(stored, hot.get(recordPrefix.meta));
  const { onMigrateTimeout } = definition.options;
  await turn.hook("onMigrate", [new Context(actor.context), isNew], onMigrateTimeout);
  if (start.type === "create") {
    await state.create(start.input);
    await turn.hook("onCreate", [new Context(actor.context), start.input]);
    await actor.existingParts?.workflow?.created(start.input);
    copyVars(actor);
    const failure = state.notifyNow();
    if (failure !== undefined) actor.errors.report(failure.error);
    // The changes of `createState` and `onCreate` are in the first commit.
    phase.created();
    turn.dirty = true;
    turn.setBoundary();
  } else if (stored === undefined) await state.create(undefined);
  copyVars(actor);
  await createVars(actor);
  await turn.hook("onWake", [new Context(actor.context)]);
}

/** Connections whose clients were connected when another node handed over the actor. */
function movedConnections(actor: StartDependencies, hot: HotRecords): readonly HibernatedConnection[] {
  const document = takeMovedConnections(actor.records, hot.get(recordPrefix.movedConnection));
  if (document === undefined) return [];
  return actor.host.restoreConnections?.(actor.instance, document) ?? [];
}

/** Constant `vars` are available to every hook; a value that is already set stays. */
function copyVars({ definition, context }: StartDependencies): void {
  const { vars } = definition;
  if (vars !== undefined) context.vars ??= structuredClone(vars.initial);
}

async function createVars({ definition, context, turn }: StartDependencies): Promise<void> {
  const { hooks, options } = definition;
  if (hooks.createVars === undefined) return;
  const args = [new Context(context), undefined];
  context.vars = await turn.hook("createVars", args, options.createVarsTimeout);
}

const noRecords: HotRecords = new Map();

async function hotRecords({ records }: StartDependencies): Promise<HotRecords> {
  const hot = new Map<number, KvEntry[]>();
  const range = { start: new Uint8Array(0), end: new Uint8Array([recordPrefix.firstCold]) };
  for (const entry of await records.list(range)) {
    const prefix = entry.key[0] ?? 0;
    const entries = hot.get(prefix);
    if (entries === undefined) hot.set(prefix, [entry]);
    else entries.push(entry);
  }
  return hot;
}
