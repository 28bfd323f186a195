/** Client's view of what `event<T>()` returns. Phantom type. */
export interface EventToken<T> {
  readonly "~event"?: { readonly payload: T };
}

/** Client's view of what `queue<Message, Complete>()` returns. Phantom type. */
export interface QueueToken<Message, Complete> {
  readonly "~queue"?: { readonly message: Message; readonly complete: Complete };
}

/** Part of a Standard Schema (https://standardschema.dev) that carries its types. */
export interface SchemaTypes<T> {
  readonly "~standard": { readonly types?: { readonly output: T } | undefined };
}
