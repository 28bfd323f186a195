export {
  AgentConversation,
  type AgentConversationClassNames,
  type AgentConversationProps,
} from "./agent-conversation.tsx";
export { AgentTranscript } from "./agent-transcript.tsx";
export { ChatComposer, type ChatComposerClassNames, type ChatComposerProps } from "./chat-composer.tsx";
export { FileChanges, type FileChangesProps } from "./file-changes.tsx";
export { componentLimits } from "./limits.ts";
export { isSafeHref, Markdown, type MarkdownProps } from "./markdown.tsx";
export { PermissionCard, type PermissionCardProps } from "./permission-card.tsx";
export { PermissionList, type PermissionListProps } from "./permission-list.tsx";
export { ProcessTerminal, type ProcessTerminalProps } from "./process-terminal.tsx";
export type {
  ProcessTerminalClient,
  ProcessTerminalLink,
  TerminalErrorStatus,
  TerminalExitStatus,
  TerminalReadyStatus,
} from "./terminal-types.ts";
export * from "./transcript/index.ts";
export type {
  AgentTranscriptClassNames,
  AgentTranscriptProps,
  PermissionOptionRenderContext,
  PermissionReplyHandler,
  TranscriptRenderers,
} from "./transcript-types.ts";
export type { FileChange, PermissionState } from "./types.ts";
export {
  type SessionTranscript,
  type SessionTranscriptOptions,
  type TranscriptSession,
  useSessionTranscript,
  useTranscript,
} from "./use-transcript.ts";
export { type TranscriptVirtualizer, useTranscriptVirtualizer } from "./use-transcript-virtualizer.ts";
export { visibleText } from "./visible-text.ts";
