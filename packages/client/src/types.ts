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
 * What a definition tells its clients. It has no value at run time: `actor()` returns a type with a
 * phantom `"~types"` property, and everything that a client knows is inferred from it.
 */
export interface ActorTypes<
  Actions = unknown,
  Events = unknown,
  Params = unknown,
  Input = unknown,
  Queues = unknown,
> {
  /** The tree of actions, each with its context as first parameter: `(c, ...args) => result`. */
  readonly actions: Actions;
  /** The event tokens (or Standard Schemas) by name. */
  readonly events: Events;
  readonly params: Params;
  readonly input: Input;
  /** The queue tokens (or Standard Schemas) by name. */
  readonly queues: Queues;
}

/** Anything that `actor()` returns, seen by a client. */
export interface AnyActorDefinition {
  readonly "~types"?: ActorTypes;
}

/** Anything that `setup()` returns, seen by a client. */
export interface AnyRegistry {
  readonly "~actors"?: Readonly<Record<string, AnyActorDefinition>>;
}

type ActorsOf<R extends AnyRegistry> = NonNullable<R["~actors"]>;
type TypesOf<D extends AnyActorDefinition> = NonNullable<D["~types"]>;
type EventsOf<D extends AnyActorDefinition> = TypesOf<D>["events"];
type InputOf<D extends AnyActorDefinition> = TypesOf<D>["input"];

/** What `event<T>()`, or the schema of an event, says of its payload. */
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
 * The registry of a client that was given none: its actors take and give anything, as those of
 * `createClient<any>()` do.
 */
export type UntypedRegistry = AnyValue;

/** What `c.client()` returns: anything, where nothing says which registry it is for. */
export type ClientOf<R extends AnyRegistry> = IsAny<R> extends true ? AnyValue : Client<R>;

/** The declared event names; any string when an actor declares none. */
export type EventName<Events> = [keyof Events] extends [never] ? string : keyof Events & string;

/**
 * A tuple payload is spread over the callback's parameters; anything else is its only one. An event that is
 * not declared gives its callbacks anything.
 */
export type EventArguments<Events, Name> =
  IsAny<Events> extends true
    ? AnyValue[]
    : Name extends keyof Events
      ? EventPayload<Events[Name]> extends infer Payload
        ? Payload extends readonly unknown[]
          ? number extends Payload["length"]
            ? [Payload]
            : [...Payload]
          : [Payload]
        : never
      : AnyValue[];

/** A result that comes in pieces, as its caller reads it. */
export type ActionStream<Piece> = ReadableStream<Piece> & AsyncIterable<Piece>;

/** What a caller gets of what an action returns. */
export type ActionResult<Result> =
  Result extends ReadableStream<infer Piece>
    ? ActionStream<Piece>
    : Result extends AsyncIterable<infer Piece>
      ? ActionStream<Piece>
      : Result;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The client's view of a tree of actions: the context is gone and every result is a promise. */
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

/** A call by the name of its action. */
export interface ActionOptions {
  /** The action's name; nested actions are joined with dots: "admin.ban". */
  readonly name: string;
  readonly args?: readonly unknown[];
  /** Aborts the call here and `c.abortSignal` at the actor. */
  readonly signal?: AbortSignal;
  /** Two calls with one key run once. By default every call has a fresh one. */
  readonly idempotencyKey?: string;
  /** Accepted and without effect: a call runs in an actor that is ready. */
  readonly skipReadyWait?: boolean | undefined;
}

/** What a handle sends along with all that it does. */
export interface HandleOptions {
  /** Parameters of connections and of the connection of each call; at most 4 KiB encoded. */
  readonly params?: unknown;
  /** Asked again for each connection attempt; wins over `params`. */
  readonly getParams?: () => Promise<unknown> | unknown;
  /** Aborts what the handle does: calls, connects. */
  readonly signal?: AbortSignal;
}

/** Whom a call reaches while its actor stops. */
export interface SkipReadyWait {
  /** Also reaches an actor in the grace of its stop, instead of the instance after it. */
  readonly skipReadyWait?: boolean | undefined;
}

/** What `getOrCreate` takes beside the key. */
export interface GetOrCreateOptions<Input = unknown> extends HandleOptions {
  /** Handed to `createState` and `onCreate` when the actor does not exist yet; at most 4 MiB. */
  readonly createWithInput?: Input;
  /** Accepted for programs that name one: a server is one region. */
  readonly createInRegion?: string;
  /** Accepted for programs that name one: a server is one pool. */
  readonly poolName?: string;
}

/** What `create` takes beside the key. */
export interface CreateOptions<Input = unknown> extends HandleOptions {
  readonly input?: Input;
  /** Accepted for programs that name one: a server is one region. */
  readonly region?: string;
  /** Accepted for programs that name one: a server is one pool. */
  readonly poolName?: string;
}

/** A handle without the actions of a definition. */
export interface ActorHandleBase<D extends AnyActorDefinition = AnyActorDefinition> {
  /** Calls an action by name. Throws what the actor threw; see docs/errors.md. */
  action<Result = unknown>(options: ActionOptions): Promise<Result>;
  action<Args extends readonly unknown[], Result>(
    options: ActionOptions & { readonly args: Args },
  ): Promise<Result>;
  /**
   * Sends a message to a queue of the actor; with `wait: true` resolves when a consumer has completed it.
   * Messages of one handle enter their queues in the order of the calls.
   */
  readonly send: SendToQueue<TypesOf<D>["queues"]>;
  /** Opens a live connection; it reconnects by itself until it is disposed of. */
  connect(params?: unknown, options?: SkipReadyWait): ActorConn<D>;
  /** The id of the actor. Creates it for a get-or-create handle; throws `actor.not_found` for others. */
  resolve(): Promise<string>;
  /**
   * Sends a request to the actor's `onRequest`: a path, a URL (its origin does not matter) or a Request.
   * Bodies stream both ways. Errors of the actor are responses, as with `fetch`.
   */
  fetch(input: string | URL | Request, init?: RequestInit & SkipReadyWait): Promise<Response>;
  /** Opens a WebSocket to the actor's `onWebSocket`. Its events are kept until somebody listens. */
  webSocket(path?: string, protocols?: string | string[], options?: SkipReadyWait): Promise<WebSocket>;
  /** A URL for any client: `/request/...` and `/websocket/...` below it are the actor's own. */
  getGatewayUrl(): Promise<string>;
  /** Takes the actor out of memory in good order and starts it anew. */
  reload(): Promise<void>;
}

/** One actor, seen from outside: its actions as methods, nested groups as nested objects. */
export type ActorHandle<D extends AnyActorDefinition = AnyActorDefinition> = ActorHandleBase<D> &
  ActionProxies<TypesOf<D>["actions"]>;

/** Where a connection stands. Between two attempts it is `disconnected`. */
export type ConnStatus = "idle" | "connecting" | "connected" | "disconnected";

/** A connection without the actions of a definition. */
export interface ActorConnBase<Events = unknown> {
  action<Result = unknown>(options: ActionOptions): Promise<Result>;
  action<Args extends readonly unknown[], Result>(
    options: ActionOptions & { readonly args: Args },
  ): Promise<Result>;
  /** Calls back for each event of this name; the returned function ends that. */
  on<Name extends EventName<Events>, Args extends EventArguments<Events, Name>>(
    event: Name,
    callback: (...args: Args) => void,
  ): () => void;
  once<Name extends EventName<Events>, Args extends EventArguments<Events, Name>>(
    event: Name,
    callback: (...args: Args) => void,
  ): () => void;
  /** Errors that belong to no call: a refused connection, a message that could not be read. */
  onError(callback: (error: HoldfastError) => void): () => void;
  /** Calls back each time that it opens, and at once where it is open. */
  onOpen(callback: () => void): () => void;
  onClose(callback: () => void): () => void;
  onStatusChange(callback: (status: ConnStatus) => void): () => void;
  /**
   * Events were missed for good: the connection was away longer than the server keeps them, the actor
   * crashed, or they were read too slowly. Fetch what they would have told.
   */
  onGap(callback: () => void): () => void;
  /** Who is here, by connection id. Told of from the first use on, so that the first answer is empty. */
  presence(): ReadonlyMap<string, unknown>;
  /** Calls back with all who are here whenever that changes. */
  onPresence(callback: (present: ReadonlyMap<string, unknown>) => void): () => void;
  readonly connStatus: ConnStatus;
  /** Settles with the first connection: resolved when open, rejected when refused or disposed of. */
  readonly ready: Promise<void>;
  readonly actorId: string | undefined;
  readonly connId: string | undefined;
  /** @deprecated Use `connStatus`. */
  readonly isConnected: boolean;
  /** Closes for good. Calls that have no answer yet are rejected with `conn.disposed`. */
  dispose(): Promise<void>;
}

/** A live connection to one actor: its actions as methods, and its events. */
export type ActorConn<D extends AnyActorDefinition = AnyActorDefinition> = ActorConnBase<EventsOf<D>> & {
  /** As {@link ActorHandleBase.send}, with the parameters of this connection. */
  readonly send: SendToQueue<TypesOf<D>["queues"]>;
} & ActionProxies<TypesOf<D>["actions"]>;

/** How the handles of one actor are made. */
export interface ActorAccessor<D extends AnyActorDefinition = AnyActorDefinition> {
  /** The actor with this key; calls throw `actor.not_found` when it does not exist. */
  get(key?: ActorKeyInput, options?: HandleOptions): ActorHandle<D>;
  /** The actor with this key, made by the first call when it does not exist. */
  getOrCreate(key?: ActorKeyInput, options?: GetOrCreateOptions<InputOf<D>>): ActorHandle<D>;
  getForId(id: string, options?: HandleOptions): ActorHandle<D>;
  /** Makes the actor now. Throws `actor.duplicate_key` when it exists. */
  create(key?: ActorKeyInput, options?: CreateOptions<InputOf<D>>): Promise<ActorHandle<D>>;
  /**
   * A page of the living actors of this name, in order of their creation. As `count`, `destroy` and
   * `destroyMany` it takes the rights of the server's owner: over the network from elsewhere it is
   * `inspector.unauthorized` without the token.
   */
  list(options?: ListActorsOptions): Promise<ActorSummaryPage>;
  count(options?: ActorFilter): Promise<number>;
  /** Ends the actor with this key and its data; `onDestroy` runs. Throws `actor.not_found`. */
  destroy(key?: ActorKeyInput): Promise<void>;
  /** Ends all actors that fit, up to a limit. */
  destroyMany(options?: DestroyManyOptions): Promise<DestroyManyResult>;
}

/** A client by the names of actors, for code that does not know the registry. */
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
  /** Closes every connection made with this client; later calls throw `client.disposed`. */
  dispose(): Promise<void>;
}

/** The typed client of a registry: an accessor for each actor name. */
export type Client<R extends AnyRegistry = AnyRegistry> = ClientBase & {
  readonly [Name in Exclude<keyof ActorsOf<R> & string, keyof ClientBase>]: ActorAccessor<ActorsOf<R>[Name]>;
};
