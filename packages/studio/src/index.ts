/** The Studio: gate, store, actors and web app in one server. */
export type { Identify, Person, RequestHeaders } from "./access/person.ts";
export type { Role } from "./access/roles.ts";
export type { StudioAgent } from "./agents.ts";
export { createStudio } from "./app.ts";
export { gateAnswers } from "./approvals/gate-answers.ts";
export { truncationNote } from "./approvals/truncation-note.ts";
export type * from "./backend/repositories/contract.ts";
export { backupDataDirectory, requireBackup, restoreDataDirectory, storeElsewhere } from "./backup.ts";
export { createStudioClient } from "./client.ts";
export { servesTasks } from "./cluster/node-settings.ts";
export type * from "./contract.ts";
export { type CommandNode, type CommandVault, remoteGateCalls } from "./gate-state/gate-calls.ts";
export { runsOnYourMachine } from "./git/runs-on-your-machine.ts";
export { type StudioLimits, studioLimits } from "./limits.ts";
export { connectWithCookie } from "./remote.ts";
export type { Studio, StudioClient, StudioHandle, StudioJails, StudioOptions } from "./studio.ts";
export {
  createTranscript,
  reduceTranscript,
  type Transcript,
  type TranscriptItem,
  type TranscriptToolCall,
} from "./transcript.ts";
