/** What `event<T>()` returns, seen by a client; phantom as well. */
export interface EventToken<T> {
  readonly "~event"?: { readonly payload: T };
}

/** What `queue<Message, Complete>()` returns, seen by a client; phantom as well. */
export interface QueueToken<Message, Complete> {
  readonly "~queue"?: { readonly message: Message; readonly complete: Complete };
}

/** The part of a Standard Schema (https://standardschema.dev) from which a type is read. */
export interface SchemaTypes<T> {
  readonly "~standard": { readonly types?: { readonly output: T } | undefined };
}
