import type { Ports } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import type { ApprovalHook } from "../approvals/approval-hooks.ts";
import type { StudioBackends } from "../backends.ts";
import type { StudioStore } from "../cluster/studio-store.ts";
import type { LocalGate } from "../gate-state/local-gate.ts";
import type { GroupInbox } from "../groups/group-inbox.ts";
import type { GroupRegistry } from "../groups/group-registry.ts";
import type { StudioOptions } from "../studio.ts";

/** What a Studio consists of before its actors are composed. */
export interface StudioParts {
  readonly options: StudioOptions;
  readonly ports: Ports;
  readonly dataDirectory: string;
  readonly store: StudioStore;
  readonly backends: StudioBackends;
  readonly gate: Gate;
  /** Leads the actors to the gate. */
  readonly localGate: LocalGate;
  readonly groups: GroupRegistry;
  readonly inbox: GroupInbox;
  readonly approvalHooks: readonly ApprovalHook[];
  readonly runDirectory: string;
  readonly snapshotDirectory: string;
  readonly cleanup: AsyncDisposableStack;
}
