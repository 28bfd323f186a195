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

/** Which actor a component speaks to. Two components with the same options share one connection. */
export interface UseActorOptions<Name extends string, D extends AnyActorDefinition = AnyActorDefinition> {
  /** The actor's name in the registry. */
  readonly name: Name;
  readonly key?: ActorKeyInput;
  /** Instead of `key`: the actor with this id. */
  readonly id?: string;
  /** Parameters of the connection. */
  readonly params?: unknown;
  /** Asked again for each connection attempt; wins over `params`. Keep it stable between renders. */
  readonly getParams?: () => unknown;
  readonly createInRegion?: string;
  /** Handed to the actor when it does not exist yet. */
  readonly createWithInput?: TypesOf<D>["input"];
  /** False keeps the component from connecting; true unless given. */
  readonly enabled?: boolean;
  /** True: the actor is not made when it does not exist. */
  readonly noCreate?: boolean;
  /** True: the component suspends until the first connection is open, and throws when it is refused. */
  readonly suspense?: boolean;
}

/** What is known of a connection now. */
export interface ActorSnapshot<D extends AnyActorDefinition> {
  /** For calls without a connection; null before the component has mounted and while it is not enabled. */
  readonly handle: ActorHandle<D> | null;
  /** Null before the component has mounted. */
  readonly connection: ActorConn<D> | null;
  readonly connStatus: ConnStatus;
  /** The last error of the connection; null once it is open again. */
  readonly error: HoldfastError | null;
}

/** What `useActor` returns. */
export interface UseActorResult<Name extends string, D extends AnyActorDefinition> extends ActorSnapshot<D> {
  /** @deprecated Use `connStatus`. */
  readonly isConnected: boolean;
  /** The options, with `enabled`; the same object as long as none of them is a new one. */
  readonly opts: UseActorOptions<Name, D>;
  /** What the connection is shared by. */
  readonly hash: string;
  /** Calls back for each event of this name while the component is mounted; the newest callback is used. */
  readonly useEvent: UseEvent<D>;
}

/** Where an actor declares no events, the callback says what it takes, as with `on` of a connection. */
export type UseEvent<D extends AnyActorDefinition> = <
  Name extends EventName<EventsOf<D>>,
  Args extends EventArguments<EventsOf<D>, Name>,
>(
  event: Name,
  callback: (...args: Args) => void,
) => void;

/** A call as a component sees it. */
export interface UseActionResult<Args extends readonly unknown[], Result> {
  /** Calls the action; what it throws is thrown and kept in `error`. */
  readonly run: (...args: Args) => Promise<Result>;
  /** True while a call has no answer. */
  readonly pending: boolean;
  readonly data: Result | undefined;
  readonly error: Error | null;
  /** Forgets `data` and `error`. */
  readonly reset: () => void;
}

/** What `useActorState` takes beside the actor. */
export interface UseActorStateOptions<D extends AnyActorDefinition, State> {
  /**
   * Loads the whole state: at the first connection, after each that follows, and after missed events.
   * It calls over the connection, whose answers and events are in order.
   */
  readonly load: (actor: ActorConn<D>) => Promise<State>;
  /** What events make of the state; a name without a reducer loads it anew. */
  readonly on?: {
    readonly [Name in EventName<EventsOf<D>>]?: (
      state: State,
      ...args: EventArguments<EventsOf<D>, Name>
    ) => State;
  };
}

/** What `useActorState` returns. */
export interface UseActorStateResult<D extends AnyActorDefinition, State> {
  /** With the optimistic changes whose calls have no answer yet; undefined before it was loaded. */
  readonly state: State | undefined;
  readonly error: Error | null;
  /** True while a change has no answer. */
  readonly pending: boolean;
  /** Loads the state anew. */
  readonly reload: () => Promise<void>;
  /**
   * Calls the actor; until the answer `optimistic` is shown over what is known. When the call fails the
   * change is taken back, and the error thrown.
   */
  readonly mutate: <Result>(
    call: (actor: ActorConn<D>) => Promise<Result>,
    optimistic?: (state: State) => State,
  ) => Promise<Result>;
}

/** What `createHoldfast` takes beside the client. */
export interface HoldfastReactOptions {
  /** Which options share a connection: those with an equal hash. */
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
