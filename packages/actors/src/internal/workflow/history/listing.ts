import { HoldfastError } from "@holdfast/core";
import type { ActorRecord } from "../../../ports/records.ts";
import type { ActorStore } from "../../../ports/store.ts";
import type { WorkflowError } from "../../../workflow/errors.ts";
import { space } from "../../kv/entry-buffer.ts";
import { recordPrefix } from "../../lifecycle/part.ts";
import { decodeHeader, type WorkflowState } from "./record.ts";

/** A workflow in a list. Times are milliseconds since the epoch. */
export interface WorkflowSummary {
  readonly actorId: string;
  /** The name of the actor, and its key. */
  readonly name: string;
  readonly key: readonly string[];
  readonly state: WorkflowState;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** When a waiting workflow continues by itself. */
  readonly wakeAt?: number;
  readonly error?: WorkflowError;
}

/** Filter of a list of workflows; absent fields match everything. */
export interface WorkflowQuery {
  /** Only actors with this name. */
  readonly name?: string;
  readonly state?: WorkflowState;
  /** Text in the key, the id or the error. */
  readonly search?: string;
  /** Number of actors examined per page: 100 by default, at most 1,000. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** A page of a list of workflows. */
export interface WorkflowPage {
  readonly workflows: readonly WorkflowSummary[];
  /** Set while there may be more. */
  readonly cursor?: string;
}

const defaultLimit = 100;
const maxLimit = 1_000;
const first = new Uint8Array([space.records, recordPrefix.workflow]);
const last = new Uint8Array([space.records, recordPrefix.workflow + 1]);

/** Lists the workflows of a store, a page at a time. Wakes no actor: reads the durable state of each. */
export async function listWorkflows(store: ActorStore, query: WorkflowQuery = {}): Promise<WorkflowPage> {
  const { name, state, search, limit = defaultLimit, cursor } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) {
    const message = `"limit" is not an integer from 1 to ${maxLimit}`;
    throw new HoldfastError("workflow", "invalid_query", message);
  }
  const page = await store.list({
    limit,
    ...(name === undefined ? {} : { name }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  const found = await Promise.all(page.actors.map((record) => summaryOf(store, record)));
  const workflows = found.filter(
    (summary) =>
      summary !== undefined &&
      (state === undefined || summary.state === state) &&
      (search === undefined || matches(summary, search)),
  );
  return {
    workflows: workflows.flatMap((summary) => summary ?? []),
    ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
  };
}

async function summaryOf(store: ActorStore, record: ActorRecord): Promise<WorkflowSummary | undefined> {
  const [entry] = await store.kvList(record.id, { start: first, end: last, limit: 1 });
  if (entry === undefined) return undefined;
  const header = decodeHeader(entry.value);
  return {
    actorId: record.id,
    name: record.name,
    key: record.key,
    state: header.state,
    ...(header.startedAt === undefined ? {} : { startedAt: header.startedAt }),
    ...(header.endedAt === undefined ? {} : { endedAt: header.endedAt }),
    ...(header.state !== "sleeping" || record.wakeAt === undefined ? {} : { wakeAt: record.wakeAt }),
    ...(header.error === undefined ? {} : { error: header.error }),
  };
}

function matches({ actorId, key, error }: WorkflowSummary, text: string): boolean {
  return [actorId, ...key, error?.message ?? ""].some((part) => part.includes(text));
}
