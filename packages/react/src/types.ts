import type {
  ActorConn,
  ActorHandle,
  AnyActorDefinition,
  AnyRegistry,
  Client,
  ConnStatus,
  EventArguments,
  EventName,
} from "@holdfast/client";
import type { ActorKeyInput, HoldfastError } from "@holdfast/core";

export type ActorsOf<R extends AnyRegistry> = NonNullable<R["~actors"]>;
type TypesOf<D extends AnyActorDefinition> = NonNullable<D["~types"]>;
export type EventsOf<D extends AnyActorDefinition> = TypesOf<D>["events"];

/** The actor that a component uses. Components with the same options share one connection. */
export interface UseActorOptions<Name extends string, D extends AnyActorDefinition = AnyActorDefinition> {
  /** The actor's name in the registry. */
  readonly name: Name;
  readonly key?: ActorKeyInput;
  /** The id of the actor, instead of `key`. */
  readonly id?: string;
  /** Parameters of the connection. */
  readonly params?: unknown;
  /** Called for each connection attempt; overrides `params`. Keep it stable between renders. */
  readonly getParams?: () => unknown;
  readonly createInRegion?: string;
  /** Input for the actor if it is created. */
  readonly createWithInput?: TypesOf<D>["input"];
  /** False keeps the component from connecting; true by default. */
  readonly enabled?: boolean;
  /** If true, the actor is not created when it does not exist. */
  readonly noCreate?: boolean;
  /** If true, the component suspends until the first connection is open, and throws if it is refused. */
  readonly suspense?: boolean;
}

/** The current state of a connection. */
export interface ActorSnapshot<D extends AnyActorDefinition> {
  /** For calls without a connection; null before the component has mounted, and while it is disabled. */
  readonly handle: ActorHandle<D> | null;
  /** Null before the component has mounted. */
  readonly connection: ActorConn<D> | null;
  readonly connStatus: ConnStatus;
  /** The last error of the connection; null once it is open again. */
  readonly error: HoldfastError | null;
}

/** The return value of `useActor`. */
export interface UseActorResult<Name extends string, D extends AnyActorDefinition> extends ActorSnapshot<D> {
  /** @deprecated Use `connStatus`. */
  readonly isConnected: boolean;
  /** The options including `enabled`; the same object until one of them changes. */
  readonly opts: UseActorOptions<Name, D>;
  /** Identifies the shared connection. */
  readonly hash: string;
  /** Calls back for each event of this name while the component is mounted, always with the latest callback. */
  readonly useEvent: UseEvent<D>;
}

/** For an actor without declared events, the callback determines the arguments, as with `on` of a connection. */
export type UseEvent<D extends AnyActorDefinition> = <
  Name extends EventName<EventsOf<D>>,
  Args extends EventArguments<EventsOf<D>, Name>,
>(
  event: Name,
  callback: (...args: Args) => void,
) => void;

/** The state of a call for a component. */
export interface UseActionResult<Args extends readonly unknown[], Result> {
  /** Calls the action; an error is thrown, and kept in `error`. */
  readonly run: (...args: Args) => Promise<Result>;
  /** True while a call is pending. */
  readonly pending: boolean;
  readonly data: Result | undefined;
  readonly error: Error | null;
  /** Clears `data` and `error`. */
  readonly reset: () => void;
}

/** Options of `useActorState`, besides the actor. */
export interface UseActorStateOptions<D extends AnyActorDefinition, State> {
  /**
   * Loads the complete state: for the first connection, after each reconnection, and after missed events. Call actions
   * over the connection that it gets, because its responses and events are in order.
   */
  readonly load: (actor: ActorConn<D>) => Promise<State>;
  /** Reducers that apply events to the state; `undefined` for an event that reloads it. Other events change nothing. */
  readonly on?: {
    readonly [Name in EventName<EventsOf<D>>]?:
      | ((state: State, ...args: EventArguments<EventsOf<D>, Name>) => State)
      | undefined;
  };
}

/** The return value of `useActorState`. */
export interface UseActorStateResult<D extends AnyActorDefinition, State> {
  /** Includes the pending optimistic changes; undefined before the first load. */
  readonly state: State | undefined;
  readonly error: Error | null;
  /** True while a change is pending. */
  readonly pending: boolean;
  /** Reloads the state. */
  readonly reload: () => Promise<void>;
  /**
   * Calls the actor; until the response, `optimistic` is applied to the shown state. If the call fails, the change is
   * undone and the error is thrown.
   */
  readonly mutate: <Result>(
    call: (actor: ActorConn<D>) => Promise<Result>,
    optimistic?: (state: State) => State,
  ) => Promise<Result>;
}

/** Options of `createHoldfast`, besides the client. */
export interface HoldfastReactOptions {
  /** Computes the hash of options: equal hashes share a connection. */
  readonly hashFunction?: (options: UseActorOptions<string>) => string;
}

/** The hooks of one client. */
export interface HoldfastReact<R extends AnyRegistry> {
  readonly client: Client<R>;
  /** A shared live connection to an actor, while the component is mounted. */
  useActor<Name extends keyof ActorsOf<R> & string>(
    options: UseActorOptions<Name, ActorsOf<R>[Name]>,
  ): UseActorResult<Name, ActorsOf<R>[Name]>;
}
