/** Streams of chunks that several readers follow, for other chats; published as `@holdfast/agent/stream`. */
export { LiveTurn } from "../runtime/live-turn.ts";
export { eventStream, readChunks } from "./streams.ts";
