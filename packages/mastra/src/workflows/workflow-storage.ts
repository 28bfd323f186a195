import { callLarge, KeyedActors } from "@holdfast/adapter-kit";
import type { ActorHandle } from "@holdfast/client";
import type { ActorKey } from "@holdfast/core";
import {
  normalizePerPage,
  type StorageListWorkflowRunsInput,
  type WorkflowRun,
  type WorkflowRuns,
  WorkflowsStorage,
} from "@mastra/core/storage";
import type { WorkflowRunState } from "@mastra/core/workflows";
import type { MastraClient } from "../actors.ts";
import type { RunRow } from "./types.ts";
import type { workflowActor } from "./workflow-actor.ts";

type WorkflowActor = ReturnType<typeof workflowActor>;
type StepUpdate = Parameters<WorkflowsStorage["updateWorkflowResults"]>[0];
type StateUpdate = Parameters<WorkflowsStorage["updateWorkflowState"]>[0];
type Snapshot = Parameters<WorkflowsStorage["persistWorkflowSnapshot"]>[0];

/** Keeps the snapshots of workflow runs in an actor, which makes each change at once. */
export class HoldfastWorkflows extends WorkflowsStorage {
  readonly #actors: KeyedActors<WorkflowActor>;
  readonly #key: ActorKey;

  constructor(client: MastraClient, key: ActorKey) {
    super();
    this.#actors = new KeyedActors(client.mastraWorkflows, {
      name: "mastraWorkflows",
      factory: "mastraActors",
    });
    this.#key = key;
  }

  supportsConcurrentUpdates(): boolean {
    return true;
  }

  async updateWorkflowResults(update: StepUpdate): ReturnType<WorkflowsStorage["updateWorkflowResults"]> {
    const { workflowName, runId, stepId, result, requestContext } = update;
    const change = {
      ...{ workflowName, runId, stepId },
      ...{ result: JSON.stringify(result), requestContext: JSON.stringify(requestContext) },
    };
    const context = await this.#call((handle) => callLarge(handle, handle.addStepResult, change));
    return context === null ? {} : JSON.parse(context);
  }

  async updateWorkflowState(update: StateUpdate): Promise<WorkflowRunState | undefined> {
    const { workflowName, runId } = update;
    const { expectedStatus, ...state } = update.opts;
    const expected = expectedStatus === undefined ? undefined : [expectedStatus].flat();
    const change = {
      ...{ workflowName, runId, state: JSON.stringify(state) },
      ...(expected === undefined ? {} : { expected }),
    };
    const snapshot = await this.#call((handle) => callLarge(handle, handle.changeState, change));
    return snapshot === null ? undefined : JSON.parse(snapshot);
  }

  async persistWorkflowSnapshot(given: Snapshot): Promise<void> {
    const { workflowName, runId, resourceId, snapshot, createdAt, updatedAt } = given;
    const run = {
      ...{ workflowName, runId, snapshot: JSON.stringify(snapshot) },
      ...(resourceId === undefined ? {} : { resourceId }),
      ...(createdAt === undefined ? {} : { createdAt: createdAt.getTime() }),
      ...(updatedAt === undefined ? {} : { updatedAt: updatedAt.getTime() }),
    };
    await this.#call((handle) => callLarge(handle, handle.saveRun, run));
  }

  async loadWorkflowSnapshot(address: {
    workflowName: string;
    runId: string;
  }): Promise<WorkflowRunState | null> {
    const { workflowName, runId } = address;
    const run = await this.#call((handle) => callLarge(handle, handle.readRun, { workflowName, runId }));
    return run === null ? null : JSON.parse(run.snapshot);
  }

  /** Returns also runs of other threads: `threadId` is a hint. */
  async listWorkflowRuns(args: StorageListWorkflowRunsInput = {}): Promise<WorkflowRuns> {
    const { workflowName, resourceId, status, fromDate, toDate, perPage, page } = args;
    if (page !== undefined && page < 0) throw new Error("page is 0 or more");
    const isPaged = perPage !== undefined && page !== undefined;
    const limit = isPaged ? normalizePerPage(perPage, Number.MAX_SAFE_INTEGER) : Number.MAX_SAFE_INTEGER;
    const query = {
      ...(workflowName === undefined ? {} : { workflowName }),
      ...(resourceId === undefined ? {} : { resourceId }),
      ...(status === undefined ? {} : { status }),
      ...(fromDate === undefined ? {} : { from: fromDate.getTime() }),
      ...(toDate === undefined ? {} : { to: toDate.getTime() }),
      ...{ offset: isPaged ? Math.min(page * limit, Number.MAX_SAFE_INTEGER) : 0, limit },
    };
    const found = await this.#call((handle) => callLarge(handle, handle.listRuns, query));
    return { runs: found.runs.map(runOf), total: found.total };
  }

  async getWorkflowRunById(args: { runId: string; workflowName?: string }): Promise<WorkflowRun | null> {
    const { runId, workflowName } = args;
    const run = await this.#call((handle) =>
      workflowName === undefined
        ? callLarge(handle, handle.findRun, runId)
        : callLarge(handle, handle.readRun, { workflowName, runId }),
    );
    return run === null ? null : runOf(run);
  }

  async deleteWorkflowRunById({
    runId,
    workflowName,
  }: {
    runId: string;
    workflowName: string;
  }): Promise<void> {
    await this.#call((handle) => callLarge(handle, handle.deleteRun, { workflowName, runId }));
  }

  async dangerouslyClearAll(): Promise<void> {
    await this.#call((handle) => callLarge(handle, handle.clearRuns, undefined));
  }

  async #call<T>(call: (handle: ActorHandle<WorkflowActor>) => Promise<T>): Promise<T> {
    return await this.#actors.open(this.#key, call);
  }
}

function runOf({ workflowName, runId, resourceId, snapshot, createdAt, updatedAt }: RunRow): WorkflowRun {
  return {
    ...{ workflowName, runId, snapshot: JSON.parse(snapshot) },
    ...{ createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) },
    ...(resourceId === null ? {} : { resourceId }),
  };
}
