/** Programs that run inside a jail: forwarder, `ipc`, MCP bridge. @module */
export { type Forwarder, type ForwarderOptions, startForwarder } from "./forwarder.ts";
export {
  type GateCallOptions,
  GateClient,
  type GateConfirmation,
  type GateError,
  type GateProgress,
  type GateReply,
} from "./gate-client.ts";
export { type GateGuest, type GateGuestOptions, startGateGuest } from "./gate-guest.ts";
export type { LocalTool, LocalToolContent, LocalToolResult, LocalTools } from "./local-tools.ts";
export { guestProgramsDirectory } from "./programs.ts";
export { proxyEnvironment } from "./proxy-environment.ts";
