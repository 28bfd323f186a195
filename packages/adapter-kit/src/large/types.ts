/** Arguments of a call as bytes, or the id of those that were sent in pieces before. */
export type Packed<Argument> = {
  /** Never there: the type that the bytes stand for. */
  readonly "~value"?: Argument;
} & ({ readonly bytes: Uint8Array } | { readonly id: string });

/** A result as bytes. */
export interface PackedResult<Result> {
  readonly bytes: Uint8Array;
  readonly "~value"?: Result;
}

/** Chunks of the bytes of a result that is larger than one message. */
export interface ChunkedResult<Result> extends AsyncIterable<Uint8Array> {
  readonly "~value"?: Result;
}

/** One of the pieces in which the arguments of a call that is larger than one message come before it. */
export interface CallPiece {
  readonly id: string;
  readonly position: number;
  /** Number of pieces of the call. */
  readonly pieces: number;
  readonly bytes: Uint8Array;
}

/** A handle of an actor with `largeCallActions`. */
export interface PieceActor {
  putCallPiece(piece: CallPiece): Promise<void>;
}
