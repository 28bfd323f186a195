/** A coding agent as an actor. May use actors and the sandbox client; published as `holdfast/agent`. */
export { type AgentVars, agent, type PromptOptions } from "./agent.ts";
export type * from "./chat/messages.ts";
export type { Prompt, PromptPart } from "./chat/prompt.ts";
export { agentLimits } from "./limits.ts";
export type {
  AgentIdentity,
  AgentOptions,
  AgentSandbox,
  PermissionDecision,
  RunningSandbox,
} from "./options.ts";
export type { TurnDetails, TurnResult } from "./runtime/chat.ts";
export type { AgentEvents, AgentState, ChunkEvent } from "./runtime/context.ts";
export type { ApprovalReply } from "./runtime/questions.ts";
export type { Approval, ApprovalState } from "./store/approvals.ts";
export type { Fact, MemoryLimits } from "./store/facts.ts";
export type { Turn, TurnStatus } from "./store/turns.ts";
export { type AgentTool, type AgentTools, type ToolContext, tool } from "./tool.ts";
