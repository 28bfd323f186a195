/** What the packages that keep data of other frameworks in actors share. */

export type { AdapterActorOptions } from "./actor-options.ts";
export { type ActorSource, KeyedActors } from "./keyed-actors.ts";
export { largeAction, largeCallActions, migrateLargeCalls, type WithDatabase } from "./large/actions.ts";
export { callLarge, type LargeAction } from "./large/call.ts";
export type { CallPiece, ChunkedResult, Packed, PackedResult, PieceActor } from "./large/types.ts";
export { adapterLimits } from "./limits.ts";
