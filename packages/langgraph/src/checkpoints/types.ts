/** A serialized value; `type` is that of the serializer. */
export interface Typed {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A version of a channel as text: `n:3` or `s:...`, since versions are numbers or strings. */
export type VersionText = string;

/** A checkpoint within its thread. */
export interface CheckpointAddress {
  /** Checkpoint namespace: "" for the graph itself, others for its subgraphs. */
  readonly namespace: string;
  readonly id: string;
}

/** A checkpoint to be stored. */
export interface NewCheckpoint extends CheckpointAddress {
  readonly parentId?: string;
  /** The checkpoint without its channel values. */
  readonly checkpoint: Typed;
  readonly metadata: Typed;
  /** Versions of all channels. */
  readonly versions: Readonly<Record<string, VersionText>>;
  /** Values of the channels that changed, and of those that were asked for. */
  readonly values: Readonly<Record<string, Typed>>;
  /** Channels that changed; those without a value have none from now on. */
  readonly changed: readonly string[];
}

/** Channels of which the actor needs the value after all. Nothing was stored if there are any. */
export interface PutAnswer {
  readonly needed: readonly string[];
}

/** A pending write to be stored. */
export interface NewWrite {
  readonly channel: string;
  /** Position among the writes of its task; negative for special channels, of which the last write counts. */
  readonly index: number;
  readonly data: Typed;
}

/** Pending writes of one task to a checkpoint. A write at a position that is there already stays as it is. */
export interface NewWrites extends CheckpointAddress {
  readonly taskId: string;
  readonly taskPath: string;
  readonly writes: readonly NewWrite[];
}

/** A pending write of a task. */
export interface StoredWrite {
  readonly taskId: string;
  readonly channel: string;
  readonly data: Typed;
}

/** A checkpoint with the values of its channels and the pending writes to it. */
export interface StoredCheckpoint extends CheckpointAddress {
  readonly parentId?: string;
  readonly checkpoint: Typed;
  readonly metadata: Typed;
  readonly values: Readonly<Record<string, Typed>>;
  readonly writes: readonly StoredWrite[];
}

/** As much of a checkpoint as a list needs to filter it. */
export interface CheckpointHead extends CheckpointAddress {
  readonly metadata: Typed;
}

/** Selects checkpoints of a thread, newest first. */
export interface HeadQuery {
  /** All namespaces without it. */
  readonly namespace?: string;
  readonly id?: string;
  /** Only checkpoints whose id is smaller. */
  readonly before?: string;
  /** Last head of the previous page. */
  readonly after?: CheckpointAddress;
}

/** One page of the heads of checkpoints. */
export interface HeadPage {
  /** Newest first. */
  readonly heads: readonly CheckpointHead[];
  /** True when there are further ones. */
  readonly more: boolean;
}
