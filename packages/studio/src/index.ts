export { createStudio } from "./app.ts";
export type * from "./contract.ts";
export type { Studio, StudioClient, StudioHandle, StudioOptions } from "./studio.ts";
export {
  createTranscript,
  reduceTranscript,
  type Transcript,
  type TranscriptItem,
  type TranscriptToolCall,
} from "./transcript.ts";
