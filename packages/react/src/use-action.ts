import type { ActorHandle, AnyActorDefinition } from "@holdfast/client";
import { useCallback, useRef, useState } from "react";
import { disabledError, toError } from "./internal/errors.ts";
import { useLatest } from "./internal/latest.ts";
import type { ActorSnapshot, UseActionResult } from "./types.ts";

/**
 * A call of an actor and its state for a component: `useAction(actor, (a, n: number) => a.add(n))`. Uses the
 * connection if there is one. If calls overlap, the state is that of the latest one.
 */
export function useAction<D extends AnyActorDefinition, Args extends readonly unknown[], Result>(
  actor: ActorSnapshot<D>,
  call: (actor: ActorHandle<D>, ...args: Args) => Promise<Result>,
): UseActionResult<Args, Result> {
  const [shown, show] = useState<{ data: Result | undefined; error: Error | null }>(nothing);
  const [inFlight, count] = useState(0);
  const newest = useRef(0);
  const latest = useLatest({ actor, call });
  const run = useCallback(
    async (...args: Args): Promise<Result> => {
      const number = ++newest.current;
      count((calls) => calls + 1);
      try {
        const { handle } = latest.current.actor;
        if (handle === null) throw disabledError();
        const data = await latest.current.call(handle, ...args);
        if (number === newest.current) show({ data, error: null });
        return data;
      } catch (error) {
        if (number === newest.current) show({ data: undefined, error: toError(error) });
        throw error;
      } finally {
        count((calls) => calls - 1);
      }
    },
    [latest],
  );
  const reset = useCallback(() => {
    newest.current++;
    show(nothing);
  }, []);
  return { run, pending: inFlight > 0, ...shown, reset };
}

const nothing = { data: undefined, error: null };
