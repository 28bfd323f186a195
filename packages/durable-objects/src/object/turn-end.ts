import type { Ports } from "@holdfast/core";

/** Enough for the microtasks of a usual chain of calls: more would delay the last commit, fewer make more commits. */
const microtasks = 16;

/**
 * Ports of an object. A turn that is left open ends before the next macrotask: the platform makes durable as one what
 * was written until then, SQL of the actor included.
 */
export function endTurnsEarly(ports: Ports): Ports {
  const turnEnd = (fn: () => void): void => {
    const after = (left: number): void => {
      if (left === 0) fn();
      else queueMicrotask(() => after(left - 1));
    };
    after(microtasks);
  };
  return { ...ports, tasks: { ...ports.tasks, turnEnd } };
}
