/** What this package uses of the Workers runtime, so that it needs no types of the platform. */

/** Values that the SQL API of a Durable Object takes. */
export type SqlBinding = string | number | null | ArrayBuffer | Uint8Array;

/** Rows of one statement: https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/ */
export interface SqlCursor {
  readonly columnNames: readonly string[];
  toArray(): Record<string, unknown>[];
  raw(): Iterable<unknown[]>;
}

export interface SqlStorage {
  exec(query: string, ...bindings: readonly SqlBinding[]): SqlCursor;
  readonly databaseSize: number;
}

export interface ObjectStorage {
  readonly sql: SqlStorage;
  transactionSync<T>(work: () => T): T;
  transaction<T>(work: () => Promise<T>): Promise<T>;
  setAlarm(at: number): Promise<void>;
  deleteAlarm(): Promise<void>;
  getAlarm(): Promise<number | null>;
}

/** The server's end of a WebSocket in a Worker. */
export interface WorkerSocket {
  /** Binary messages are blobs by default from some compatibility date on. */
  binaryType: string;
  accept(): void;
  send(data: string | ArrayBuffer | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: SocketEvent) => void): void;
  serializeAttachment(value: unknown): void;
  deserializeAttachment(): unknown;
}

/** The fields of `message` and `close` events. */
export interface SocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
}

export interface ObjectId {
  toString(): string;
}

/** The state of a Durable Object, as Cloudflare hands it to the constructor of its class. */
export interface ObjectState {
  readonly id: ObjectId;
  readonly storage: ObjectStorage;
  acceptWebSocket(socket: WorkerSocket): void;
  getWebSockets(): readonly WorkerSocket[];
  /** Resets the object: what it wrote since the last macrotask is undone. */
  abort(reason: string): void;
}

export interface ObjectStub {
  fetch(request: Request): Promise<Response>;
}

/** The binding of the class of actors. */
export interface ObjectNamespace {
  idFromName(name: string): ObjectId;
  /** Throws for a text that is not an id of this namespace. */
  idFromString(text: string): ObjectId;
  get(id: ObjectId): ObjectStub;
}

/** Creates the two ends of a WebSocket: that of the client, and ours. */
export function socketPair(): readonly [client: WorkerSocket, server: WorkerSocket] {
  const Pair = (globalThis as { WebSocketPair?: new () => Record<string, WorkerSocket> }).WebSocketPair;
  if (Pair === undefined) throw new TypeError("WebSocketPair exists in the Workers runtime only");
  const [client, server] = Object.values(new Pair());
  if (client === undefined || server === undefined) throw new TypeError("a pair has two sockets");
  return [client, server];
}

/** The response that hands the client its end. */
export function upgradeResponse(client: WorkerSocket, protocol: string | undefined): Response {
  const headers: Record<string, string> =
    protocol === undefined ? {} : { "sec-websocket-protocol": protocol };
  return new Response(null, { status: 101, webSocket: client, headers } as ResponseInit);
}
