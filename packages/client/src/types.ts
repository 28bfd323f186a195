import type { ActorKeyInput, HoldfastError } from "@holdfast/core";
import type { ActionPromise } from "./attempt.ts";
import type {
  ActorFilter,
  ActorSummaryPage,
  DestroyManyOptions,
  DestroyManyResult,
  ListActorsOptions,
} from "./management.ts";
import type { SendToQueue } from "./queue.ts";
import type { EventToken, SchemaTypes } from "./tokens.ts";

/**
 * Client-facing types of a definition. They have no value at run time: `actor()` returns a type with a phantom
 * `"~types"` property, from which clients infer everything.
 */
export interface ActorTypes<
  Actions = unknown,
  Events = unknown,
  Params = unknown,
  Input = unknown,
  Queues = unknown,
> {
  /** Tree of actions, each with its context as first parameter: `(c, ...args) => result`. */
  readonly actions: Actions;
  /** Event tokens (or Standard Schemas) by name. */
  readonly events: Events;
  readonly params: Params;
  readonly input: Input;
  /** Queue tokens (or Standard Schemas) by name. */
  readonly queues: Queues;
}

/** Client's view of anything that `actor()` returns. */
export interface AnyActorDefinition {
  readonly "~types"?: ActorTypes;
}

/** Client's view of anything that `setup()` returns. */
export interface AnyRegistry {
  readonly "~actors"?: Readonly<Record<string, AnyActorDefinition>>;
}

type ActorsOf<R extends AnyRegistry> = NonNullable<R["~actors"]>;
type TypesOf<D extends AnyActorDefinition> = NonNullable<D["~types"]>;
type EventsOf<D extends AnyActorDefinition> = TypesOf<D>["events"];
type InputOf<D extends AnyActorDefinition> = TypesOf<D>["input"];

/** Payload type of an `event<T>()` token or of an event's schema. */
export type EventPayload<Token> =
  Token extends SchemaTypes<infer T>
    ? T
    : Token extends { readonly schema: SchemaTypes<infer T> }
      ? T
      : Token extends EventToken<infer T>
        ? T
        : unknown;

// biome-ignore lint/suspicious/noExplicitAny: the actions of a client without types, `createClient<any>()`, take and give anything, and so do the events of an actor that declares none.
type AnyValue = any;

/**
 * Registry of a client without a type argument: its actors accept and return anything, as with `createClient<any>()`.
 */
export type UntypedRegistry = AnyValue;

/** Return type of `c.client()`: untyped when the registry is not given. */
export type ClientOf<R extends AnyRegistry> = IsAny<R> extends true ? AnyValue : Client<R>;

/** Declared event names; any string when an actor declares none. */
export type EventName<Events> = [keyof Events] extends [never] ? string : keyof Events & string;

/**
 * Parameters of an event callback. A tuple payload is spread over them; any other payload is the only one. Callbacks
 * of undeclared events are untyped.
 */
export type EventArguments<Events, Name> =
  IsAny<Events> extends true
    ? AnyValue[]
    : Name extends keyof Events
      ? PayloadArguments<EventPayload<Events[Name]>>
      : AnyValue[];

/** Tuples of a union are spread one by one; what else is in it stays one parameter, which takes each of its members. */
type PayloadArguments<Payload> =
  | Spread<Extract<Payload, readonly unknown[]>>
  | ([Exclude<Payload, readonly unknown[]>] extends [never] ? never : [Exclude<Payload, readonly unknown[]>]);

type Spread<Payload extends readonly unknown[]> = Payload extends unknown
  ? number extends Payload["length"]
    ? [Payload]
    : [...Payload]
  : never;

/** Streamed result, as its caller reads it. */
export type ActionStream<Piece> = ReadableStream<Piece> & AsyncIterable<Piece>;

/** Caller's view of an action's return type. */
export type ActionResult<Result> =
  Result extends ReadableStream<infer Piece>
    ? ActionStream<Piece>
    : Result extends AsyncIterable<infer Piece>
      ? ActionStream<Piece>
      : Result;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Client's view of a tree of actions: without the context parameter, and with promises as results. */
export type ActionProxies<Actions> =
  IsAny<Actions> extends true
    ? Readonly<Record<string, (...args: AnyValue[]) => Promise<AnyValue>>>
    : TypedProxies<Actions>;

type TypedProxies<Actions> = {
  readonly [Name in keyof Actions]: Actions[Name] extends {
    (c: never, ...args: infer Args): infer Result;
    readonly "~errors": infer Errors;
  }
    ? (...args: Args) => ActionPromise<ActionResult<Awaited<Result>>, NonNullable<Errors>>
    : Actions[Name] extends (c: never, ...args: infer Args) => infer Result
      ? (...args: Args) => Promise<ActionResult<Awaited<Result>>>
      : Actions[Name] extends object
        ? TypedProxies<Actions[Name]>
        : never;
};

/** Call of an action by name. */
export interface ActionOptions {
  /** Name of the action; nested actions are joined with dots: "admin.ban". */
  readonly name: string;
  readonly args?: readonly unknown[];
  /** Aborts the call on this side and `c.abortSignal` in the actor. */
  readonly signal?: AbortSignal;
  /** Calls with the same key run once. Default: a fresh key for every call. */
  readonly idempotencyKey?: string;
  /** Accepted for compatibility, without effect: a call runs in an actor that is ready. */
  readonly skipReadyWait?: boolean | undefined;
}

/** Options of every operation of a handle. */
export interface HandleOptions {
  /** Connection parameters, also of each call; at most 4 KiB encoded. */
  readonly params?: unknown;
  /** Called before each connection attempt; wins over `params`. */
  readonly getParams?: () => Promise<unknown> | unknown;
  /** Aborts the operations of the handle: calls and connections. */
  readonly signal?: AbortSignal;
}

/** Routing of a call while its actor stops. */
export interface SkipReadyWait {
  /** Also reaches an actor in the grace period of its stop, instead of its next instance. */
  readonly skipReadyWait?: boolean | undefined;
}

/** Options of `getOrCreate`. */
export interface GetOrCreateOptions<Input = unknown> extends HandleOptions {
  /** Input of `createState` and `onCreate` when the actor does not exist yet; at most 4 MiB. */
  readonly createWithInput?: Input;
  /** Region of a cluster in which the actor runs if this creates it; without effect on a single node. */
  readonly createInRegion?: string;
  /** Pool of a cluster in which the actor runs if this creates it; that of the client by default. */
  readonly poolName?: string;
}

/** Options of `create`. */
export interface CreateOptions<Input = unknown> extends HandleOptions {
  readonly input?: Input;
  /** Region of a cluster in which the actor runs; without effect on a single node. */
  readonly region?: string;
  /** Pool of a cluster in which the actor runs; that of the client by default. */
  readonly poolName?: string;
}

/** Handle without the actions of a definition. */
export interface ActorHandleBase<D extends AnyActorDefinition = AnyActorDefinition> {
  /** Calls an action by name. Throws what the actor threw; see docs/errors.md. */
  action<Result = unknown>(options: ActionOptions): Promise<Result>;
  action<Args extends readonly unknown[], Result>(
    options: ActionOptions & { readonly args: Args },
  ): Promise<Result>;
  /**
   * Sends a message to a queue of the actor. With `wait: true`, resolves when a consumer has completed it. Messages of
   * one handle enter their queues in call order.
   */
  readonly send: SendToQueue<TypesOf<D>["queues"]>;
  /** Opens a live connection, which reconnects automatically until it is disposed. */
  connect(params?: unknown, options?: SkipReadyWait): ActorConn<D>;
  /** Resolves the id of the actor. A get-or-create handle creates it; others throw `actor.not_found`. */
  resolve(): Promise<string>;
  /**
   * Sends a request to the actor's `onRequest`: a path, a URL (its origin does not matter) or a Request. Bodies stream
   * both ways. Errors of the actor are responses, as with `fetch`.
   */
  fetch(input: string | URL | Request, init?: RequestInit & SkipReadyWait): Promise<Response>;
  /** Opens a WebSocket to the actor's `onWebSocket`. Buffers its events until there is a listener. */
  webSocket(path?: string, protocols?: string | string[], options?: SkipReadyWait): Promise<WebSocket>;
  /** Base URL of the actor for any HTTP client, with `/request/...` and `/websocket/...` below it. */
  getGatewayUrl(): Promise<string>;
  /** Stops the actor gracefully and starts it again. */
  reload(): Promise<void>;
}

/** One actor: its actions as methods, nested groups as nested objects. */
export type ActorHandle<D extends AnyActorDefinition = AnyActorDefinition> = ActorHandleBase<D> &
  ActionProxies<TypesOf<D>["actions"]>;

/** Status of a connection. Between two attempts it is `disconnected`. */
export type ConnStatus = "idle" | "connecting" | "connected" | "disconnected";

/** Connection without the actions of a definition. */
export interface ActorConnBase<Events = unknown> {
  action<Result = unknown>(options: ActionOptions): Promise<Result>;
  action<Args extends readonly unknown[], Result>(
    options: ActionOptions & { readonly args: Args },
  ): Promise<Result>;
  /** Subscribes to an event; the returned function unsubscribes. */
  on<Name extends EventName<Events>, Args extends EventArguments<Events, Name>>(
    event: Name,
    callback: (...args: Args) => void,
  ): () => void;
  once<Name extends EventName<Events>, Args extends EventArguments<Events, Name>>(
    event: Name,
    callback: (...args: Args) => void,
  ): () => void;
  /** Reports errors that belong to no call: a refused connection, a malformed message. */
  onError(callback: (error: HoldfastError) => void): () => void;
  /** Calls back on each open, and once immediately when the connection is already open. */
  onOpen(callback: () => void): () => void;
  onClose(callback: () => void): () => void;
  onStatusChange(callback: (status: ConnStatus) => void): () => void;
  /**
   * Calls back when events were lost: the connection was away longer than the server buffers them, the actor crashed,
   * or events were read too slowly. Fetch the current state again.
   */
  onGap(callback: () => void): () => void;
  /** Present connections by id. The first call subscribes, so that its result is empty. */
  presence(): ReadonlyMap<string, unknown>;
  /** Calls back with the complete list on every change. */
  onPresence(callback: (present: ReadonlyMap<string, unknown>) => void): () => void;
  readonly connStatus: ConnStatus;
  /** Settles with the first connection: resolves when it opens, rejects when it is refused or disposed. */
  readonly ready: Promise<void>;
  readonly actorId: string | undefined;
  readonly connId: string | undefined;
  /** @deprecated Use `connStatus`. */
  readonly isConnected: boolean;
  /** Closes permanently. Unanswered calls reject with `conn.disposed`. */
  dispose(): Promise<void>;
}

/** Live connection to one actor: its actions as methods, and its events. */
export type ActorConn<D extends AnyActorDefinition = AnyActorDefinition> = ActorConnBase<EventsOf<D>> & {
  /** Like {@link ActorHandleBase.send}, with the parameters of this connection. */
  readonly send: SendToQueue<TypesOf<D>["queues"]>;
} & ActionProxies<TypesOf<D>["actions"]>;

/** Factory of the handles of one actor name. */
export interface ActorAccessor<D extends AnyActorDefinition = AnyActorDefinition> {
  /** The actor with this key; calls throw `actor.not_found` when it does not exist. */
  get(key?: ActorKeyInput, options?: HandleOptions): ActorHandle<D>;
  /** The actor with this key, created by the first call when it does not exist. */
  getOrCreate(key?: ActorKeyInput, options?: GetOrCreateOptions<InputOf<D>>): ActorHandle<D>;
  getForId(id: string, options?: HandleOptions): ActorHandle<D>;
  /** Creates the actor. Throws `actor.duplicate_key` when it exists. */
  create(key?: ActorKeyInput, options?: CreateOptions<InputOf<D>>): Promise<ActorHandle<D>>;
  /**
   * Lists the living actors of this name, in order of their creation. Like `count`, `destroy` and `destroyMany` it
   * requires the rights of the server's owner: from another host, without the token, it throws
   * `inspector.unauthorized`.
   */
  list(options?: ListActorsOptions): Promise<ActorSummaryPage>;
  count(options?: ActorFilter): Promise<number>;
  /** Destroys the actor with this key and its data; `onDestroy` runs. Throws `actor.not_found`. */
  destroy(key?: ActorKeyInput): Promise<void>;
  /** Destroys all actors that match, up to a limit. */
  destroyMany(options?: DestroyManyOptions): Promise<DestroyManyResult>;
}

/** Client with actor names as arguments, for code without the registry's type. */
export interface ClientBase {
  get<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    key?: ActorKeyInput,
    options?: HandleOptions,
  ): ActorHandle<D>;
  getOrCreate<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    key?: ActorKeyInput,
    options?: GetOrCreateOptions<InputOf<D>>,
  ): ActorHandle<D>;
  getForId<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    id: string,
    options?: HandleOptions,
  ): ActorHandle<D>;
  create<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    key?: ActorKeyInput,
    options?: CreateOptions<InputOf<D>>,
  ): Promise<ActorHandle<D>>;
  /** Closes every connection of this client; later calls throw `client.disposed`. */
  dispose(): Promise<void>;
}

/** Typed client of a registry: an accessor for each actor name. */
export type Client<R extends AnyRegistry = AnyRegistry> = ClientBase & {
  readonly [Name in Exclude<keyof ActorsOf<R> & string, keyof ClientBase>]: ActorAccessor<ActorsOf<R>[Name]>;
};
