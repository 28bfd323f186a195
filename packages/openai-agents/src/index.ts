/** Sessions of the OpenAI Agents SDK on actors, and runs that wait for a person. */

// Types of the actor's actions, so that the type of a registry with it can be named.
export type { CallPiece, ChunkedResult, Packed, PackedResult, WithDatabase } from "@holdfast/adapter-kit";
export { type OpenAiAgentsClient, openAiAgentsActors } from "./actors.ts";
export { sessionLimits } from "./limits.ts";
export { HoldfastSession, type HoldfastSessionOptions, type WritableRun } from "./session.ts";
export type { CallReplacement, HistoryOperation, ItemTexts } from "./session-tables.ts";
