import type { ActorConn, AnyActorDefinition } from "@holdfast/client";
import { useCallback, useEffect, useReducer, useRef } from "react";
import { disabledError, errorOf } from "./internal/errors.ts";
import { useLatest } from "./internal/latest.ts";
import { initialView, reduceView, viewOf } from "./internal/optimistic.ts";
import type { ActorSnapshot, UseActorStateOptions, UseActorStateResult } from "./types.ts";

/**
 * The state of an actor as a component shows it: loaded, kept up to date by events, loaded anew after a
 * reconnection that missed some, with changes shown before they are confirmed.
 */
export function useActorState<D extends AnyActorDefinition, State>(
  actor: ActorSnapshot<D>,
  options: UseActorStateOptions<D, State>,
): UseActorStateResult<D, State> {
  const [view, dispatch] = useReducer(reduceView<State>, undefined, initialView<State>);
  const loads = useRef(0);
  const changes = useRef(0);
  const latest = useLatest({ actor, options });
  const { connection, connStatus } = actor;

  const reload = useCallback(async (): Promise<void> => {
    const { connection } = latest.current.actor;
    if (connection === null) return;
    const number = ++loads.current;
    try {
      const state = await latest.current.options.load(connection);
      if (number === loads.current) dispatch({ type: "loaded", state });
    } catch (error) {
      if (number === loads.current) dispatch({ type: "failed", error: errorOf(error) });
    }
  }, [latest]);

  const events = Object.keys(options.on ?? {})
    .sort()
    .join("\n");
  useEffect(() => {
    if (connection === null) return;
    const conn: ActorConn<AnyActorDefinition> = connection;
    const heard = (event: string, args: unknown[]): void => {
      const reducer = reducersOf(latest.current.options)[event];
      if (reducer === undefined) void reload();
      else dispatch({ type: "event", apply: (state) => reducer(state, ...args) });
    };
    const names = events.split("\n").filter((event) => event !== "");
    const ends = names.map((event) => conn.on(event, (...args: unknown[]) => heard(event, args)));
    ends.push(conn.onGap(() => void reload()));
    return () => {
      for (const end of ends) end();
    };
  }, [connection, events, latest, reload]);
  // Listening comes first, so that no event falls between the load and the subscription.
  useEffect(() => {
    if (connStatus === "connected") void reload();
  }, [connStatus, reload]);

  const mutate = useCallback(
    async <Result>(
      call: (actor: ActorConn<D>) => Promise<Result>,
      optimistic?: (state: State) => State,
    ): Promise<Result> => {
      const { actor: current, options: newest } = latest.current;
      if (current.connection === null) throw disabledError();
      const number = ++changes.current;
      dispatch({ type: "change", number, apply: optimistic });
      try {
        const result = await call(current.connection);
        // Without events that tell of the change, a load has to.
        if (Object.keys(newest.on ?? {}).length === 0) await reload();
        dispatch({ type: "confirmed", number });
        return result;
      } catch (error) {
        dispatch({ type: "refused", number });
        throw error;
      }
    },
    [latest, reload],
  );
  return { state: viewOf(view), error: view.error, pending: view.changes.length > 0, reload, mutate };
}

type Reducers<State> = Readonly<Record<string, ((state: State, ...args: unknown[]) => State) | undefined>>;

/** Which arguments an event has is known to the types of the caller only. */
function reducersOf<D extends AnyActorDefinition, State>(
  options: UseActorStateOptions<D, State>,
): Reducers<State> {
  return (options.on ?? {}) as Reducers<State>;
}
