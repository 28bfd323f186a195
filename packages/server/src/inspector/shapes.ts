import type {
  ActorInspection,
  InspectedMessage,
  InspectedQueue,
  InspectedTab,
  WorkflowDetails,
} from "@holdfast/actors";
import { trustedDepth } from "@holdfast/client";
import { decodeValue } from "@holdfast/core";
import { withoutUndefined } from "./request.ts";

/** How the parts of an actor are represented, in responses and pushes alike. */

export function stateOf(inspection: ActorInspection): {
  readonly state: unknown;
  readonly isStateEnabled: boolean;
} {
  const encoded = inspection.state();
  const state = encoded === undefined ? null : decodeValue(encoded, { maxDepth: trustedDepth });
  return { state: state ?? null, isStateEnabled: inspection.isStateEnabled };
}

export function messageOf({ createdAt, ...message }: InspectedMessage): unknown {
  return withoutUndefined({ ...message, body: message.body ?? null, createdAtMs: createdAt });
}

export function queueOf(inspection: ActorInspection, queue: InspectedQueue): Record<string, unknown> {
  const { size, maxSize, truncated, messages } = queue;
  return { size, maxSize, truncated, queues: inspection.queues.names, messages: messages.map(messageOf) };
}

export function workflowOf(details: WorkflowDetails): Record<string, unknown> {
  return withoutUndefined({ ...details });
}

export function tabOf({ id, label, icon, hidden }: InspectedTab): unknown {
  return withoutUndefined({ id, label, icon, hidden });
}

const maxShownMessages = 100;

export async function summaryOf(
  inspection: ActorInspection,
  about: {
    readonly id: string;
    readonly name: string;
    readonly key: readonly string[];
    readonly status: string;
  },
): Promise<Record<string, unknown>> {
  const [workflow, schedules, queue] = await Promise.all([
    inspection.workflow.history(),
    inspection.schedules.list(),
    inspection.queues.list(maxShownMessages),
  ]);
  return {
    ...about,
    ...stateOf(inspection),
    connections: inspection.connections(),
    rpcs: inspection.rpcs,
    events: inspection.events,
    queues: inspection.queues.names,
    queueSize: queue.size,
    isDatabaseEnabled: inspection.isDatabaseEnabled,
    isWorkflowEnabled: inspection.isWorkflowEnabled,
    workflowState: workflow.workflowState,
    workflowHistory: workflow.history,
    schedules: schedules.schedules,
    tabs: inspection.tabs.map(tabOf),
  };
}
