/** ACP updates reduced to a transcript; no React. */
export type { PermissionOption, PermissionReply, TranscriptEntry } from "../types.ts";
export { reducePermissionRequest, reduceTranscript, transcriptEntries } from "./reduce.ts";
export {
  createTranscript,
  type PlanStep,
  type Transcript,
  type TranscriptEvent,
  type TranscriptMemory,
  type TranscriptPermissionRequest,
} from "./state.ts";
