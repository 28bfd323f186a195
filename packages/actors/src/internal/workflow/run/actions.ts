import type { AnyFunction } from "../../definition/runtime-definition.ts";
import { acceptChildResult, childActions, startForParent } from "./child.ts";
import type { WorkflowPart } from "./part.ts";
import { programOf } from "./program.ts";

/** Actions that workflows call on each other, for a definition whose `run` handler is a workflow. */
export function workflowActions(handler: unknown): ReadonlyMap<string, AnyFunction> {
  const actions = new Map<string, AnyFunction>();
  const program = programOf(handler);
  if (program === undefined) return actions;
  // Only the child knows the token that authenticates its result.
  actions.set(childActions.settled, (c, token, outcome) => {
    const part = partOf(c);
    return part !== undefined && acceptChildResult(part, token, outcome);
  });
  if (program.manual) {
    actions.set(childActions.start, (c, input, parent) => {
      const part = partOf(c);
      return part && startForParent(part, input, parent);
    });
  }
  return actions;
}

/** The workflow of the actor that a context belongs to. */
export function partOf(c: unknown): WorkflowPart | undefined {
  const parts = property(property(c, "source"), "parts");
  // `Parts.workflow` is the only property of this name.
  return property(parts, "workflow") as WorkflowPart | undefined;
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
