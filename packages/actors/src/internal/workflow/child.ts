import { HoldfastError } from "@holdfast/core";
import type { ChildReference } from "../../workflow/types.ts";
import type { Entry } from "./history.ts";
import type { WorkflowPart } from "./part.ts";
import type { ParentAddress } from "./record.ts";
import type { Scope } from "./scope.ts";

export function runChild(
  _scope: Scope,
  _entry: Entry,
  _child: ChildReference,
  _input: unknown,
): Promise<unknown> {
  throw new HoldfastError("workflow", "invalid_step", "not yet");
}

export async function tellParent(
  _part: WorkflowPart,
  _parent: ParentAddress,
  _outcome: { told(): void; retryAt(at: number): void },
): Promise<void> {}
