/** Times are milliseconds since the epoch; metadata and contents are JSON. */
export interface ThreadRow {
  readonly id: string;
  readonly resourceId: string;
  readonly title: string | null;
  readonly metadata: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Members that are missing stay as they are; metadata is merged. */
export interface ThreadChange {
  readonly id: string;
  readonly title?: string;
  readonly metadata?: string;
}

/** Selects and orders threads. `offset` and `limit` count threads. */
export interface ThreadQuery {
  readonly resourceId?: string;
  /** JSON of members that the metadata must have. */
  readonly metadata?: string;
  readonly field: "createdAt" | "updatedAt";
  readonly direction: "ASC" | "DESC";
  readonly offset: number;
  readonly limit: number;
}

/** One page of threads, and the number of those on all pages. */
export interface ThreadPage {
  readonly threads: readonly ThreadRow[];
  readonly total: number;
}

/** A new thread with messages of another: those that all given conditions select. */
export interface ThreadCopy {
  readonly sourceId: string;
  readonly id: string;
  readonly resourceId?: string;
  readonly title?: string;
  /** JSON. */
  readonly metadata?: string;
  /** Number of the newest messages that the other conditions leave. */
  readonly limit?: number;
  /** Milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
  readonly messageIds?: readonly string[];
}

/** `refused` says why nothing was copied. */
export type CopyAnswer =
  | { readonly refused: "no_source" | "exists" }
  | { readonly thread: ThreadRow; readonly messageIds: Readonly<Record<string, string>> };

/** A message as it is stored: `content` is JSON, `createdAt` milliseconds since the epoch. */
export interface MessageRow {
  readonly id: string;
  readonly threadId: string;
  readonly resourceId: string | null;
  readonly role: string;
  readonly type: string | null;
  readonly content: string;
  readonly createdAt: number;
}

/** Members that are missing stay as they are; contents and their metadata are merged. */
export type MessageChange = Partial<MessageRow> & { readonly id: string };

/**
 * Selects and orders messages of threads. Times are milliseconds since the epoch; `offset` and `limit`
 * count messages.
 */
export interface MessageQuery {
  readonly threadIds?: readonly string[];
  readonly resourceId?: string;
  readonly from?: { readonly at: number; readonly exclusive: boolean };
  readonly to?: { readonly at: number; readonly exclusive: boolean };
  /** JSON of members that the metadata of the content must have. */
  readonly metadata?: string;
  readonly direction: "ASC" | "DESC";
  readonly offset: number;
  readonly limit: number;
  /** Further messages with their neighbours in their thread. */
  readonly include: readonly { readonly id: string; readonly before: number; readonly after: number }[];
}

/** One page of messages. */
export interface MessagePage {
  /** In order of time, with those of `include`. */
  readonly messages: readonly MessageRow[];
  /** Number of messages that fit, on all pages. */
  readonly total: number;
  /** Number of messages of this page without those of `include`. */
  readonly found: number;
}

/**
 * A resource, such as a user: its working memory and its metadata (JSON). Times are milliseconds since the
 * epoch.
 */
export interface ResourceRow {
  readonly id: string;
  readonly workingMemory: string | null;
  readonly metadata: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What changes of a resource, which is created if it does not exist. `metadata` is JSON. */
export interface ResourceChange {
  readonly id: string;
  readonly workingMemory?: string;
  readonly metadata?: string;
}

/** A state of a thread, by its type. */
export interface StateAddress {
  readonly threadId: string;
  readonly type: string;
}

/** The next value of a state. */
export interface NewState extends StateAddress {
  /** JSON; null removes it. */
  readonly value: string | null;
}
