/** An encoded event: one object per broadcast, shared by all its sinks. */
export interface OutgoingEvent {
  readonly name: string;
  /** `encodeValue` of the array of arguments. */
  readonly args: Uint8Array;
}
