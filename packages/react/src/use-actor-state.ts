import type { ActorConn, AnyActorDefinition } from "@holdfast/client";
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import { disabledError, toError } from "./internal/errors.ts";
import { useLatest } from "./internal/latest.ts";
import { LatestLoad } from "./internal/loads.ts";
import {
  initialView,
  reduceOwnedView,
  unownedView,
  type ViewAction,
  visibleState,
} from "./internal/optimistic.ts";
import type { ActorSnapshot, UseActorStateOptions, UseActorStateResult } from "./types.ts";

/**
 * The state of an actor for a component: loaded, updated by events, reloaded after a reconnection that missed some,
 * with optimistic changes. Starts over for another actor.
 */
export function useActorState<D extends AnyActorDefinition, State>(
  actor: ActorSource<D>,
  options: UseActorStateOptions<D, State>,
): UseActorStateResult<D, State> {
  const [owned, dispatch] = useReducer(reduceOwnedView<State>, undefined, unownedView<State>);
  const [loads] = useState(() => new LatestLoad());
  const changes = useRef(0);
  const latest = useLatest({ actor, options });
  const { connection, connStatus } = actor;
  const view = owned.owner === ownerOf(actor) ? owned.view : initialView<State>();

  const dispatchFor = useCallback(
    (owner: unknown, action: ViewAction<State>): void =>
      dispatch({ owner, isShown: ownerOf(latest.current.actor) === owner, action }),
    [latest],
  );

  const reload = useCallback(async (): Promise<void> => {
    const { connection } = latest.current.actor;
    if (connection === null) return;
    const owner = ownerOf(latest.current.actor);
    const answer = load(latest.current.options, connection);
    await loads.run(owner, answer, (action) => dispatchFor(owner, action));
  }, [latest, loads, dispatchFor]);

  const events = Object.keys(options.on ?? {})
    .sort()
    .join("\n");
  useEffect(() => {
    if (connection === null) return;
    const conn: ActorConn<AnyActorDefinition> = connection;
    const owner = ownerOf(latest.current.actor);
    const onEvent = (event: string, args: unknown[]): void => {
      const reducer = reducersOf(latest.current.options)[event];
      if (reducer === undefined) void reload();
      else dispatchFor(owner, { type: "event", apply: (state) => reducer(state, ...args) });
    };
    const names = events.split("\n").filter((event) => event !== "");
    const unsubscribes = names.map((event) => conn.on(event, (...args: unknown[]) => onEvent(event, args)));
    unsubscribes.push(conn.onGap(() => void reload()));
    return () => {
      for (const end of unsubscribes) end();
    };
  }, [connection, events, latest, reload, dispatchFor]);
  // Subscribes first, so that no event is missed between load and subscription. The hook may already be connected to
  // another actor.
  useEffect(() => {
    if (connection !== null && connStatus === "connected") void reload();
  }, [connection, connStatus, reload]);

  const mutate = useCallback(
    async <Result>(
      call: (actor: ActorConn<D>) => Promise<Result>,
      optimistic?: (state: State) => State,
    ): Promise<Result> => {
      const { actor: current, options: newest } = latest.current;
      if (current.connection === null) throw disabledError();
      const owner = ownerOf(current);
      const number = ++changes.current;
      dispatchFor(owner, { type: "change", number, apply: optimistic });
      try {
        const result = await call(current.connection);
        // Without events that report the change, the state has to be reloaded.
        if (Object.keys(newest.on ?? {}).length === 0) await reload();
        dispatchFor(owner, { type: "confirmed", number });
        return result;
      } catch (error) {
        dispatchFor(owner, { type: "refused", number });
        throw error;
      }
    },
    [latest, reload, dispatchFor],
  );
  return { state: visibleState(view), error: view.error, pending: view.changes.length > 0, reload, mutate };
}

/** Never rejects: the error is part of the state. */
async function load<D extends AnyActorDefinition, State>(
  options: UseActorStateOptions<D, State>,
  connection: ActorConn<D>,
): Promise<ViewAction<State>> {
  try {
    return { type: "loaded", state: await options.load(connection) };
  } catch (error) {
    return { type: "failed", error: toError(error) };
  }
}

/** The result of `useActor`; its hash identifies the actor while there is no connection. */
type ActorSource<D extends AnyActorDefinition> = ActorSnapshot<D> & { readonly hash?: string };

function ownerOf({ hash, connection }: { readonly hash?: string; readonly connection: unknown }): unknown {
  return hash ?? connection;
}

type Reducers<State> = Readonly<Record<string, ((state: State, ...args: unknown[]) => State) | undefined>>;

/** Only the caller's types know the arguments of an event. */
function reducersOf<D extends AnyActorDefinition, State>(
  options: UseActorStateOptions<D, State>,
): Reducers<State> {
  return (options.on ?? {}) as Reducers<State>;
}
