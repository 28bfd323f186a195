/** React components for agent conversations. @module */
export {
  AgentConversation,
  type AgentConversationClassNames,
  type AgentConversationProps,
} from "./agent-conversation.tsx";
export { ChatComposer, type ChatComposerClassNames, type ChatComposerProps } from "./chat-composer.tsx";
export type {
  DesktopStreamErrorStatus,
  DesktopStreamLink,
  DesktopStreamReadyStatus,
  DesktopTransport,
  DesktopViewerClient,
} from "./desktop/desktop-types.ts";
export { DesktopViewer, type DesktopViewerProps } from "./desktop/desktop-viewer.tsx";
export { componentLimits } from "./limits.ts";
export { isSafeHref, Markdown, type MarkdownProps } from "./markdown.tsx";
export { PermissionCard, type PermissionCardProps } from "./permission-card.tsx";
export { PermissionList, type PermissionListProps } from "./permission-list.tsx";
export { ProcessTerminal, type ProcessTerminalProps } from "./terminal/process-terminal.tsx";
export type {
  ProcessTerminalClient,
  ProcessTerminalLink,
  TerminalErrorStatus,
  TerminalExitStatus,
  TerminalReadyStatus,
} from "./terminal/terminal-types.ts";
export * from "./transcript/index.ts";
export { AgentTranscript } from "./transcript-view/agent-transcript.tsx";
export { FileChanges, type FileChangesProps } from "./transcript-view/file-changes.tsx";
export type {
  AgentTranscriptClassNames,
  AgentTranscriptProps,
  PermissionOptionRenderContext,
  PermissionReplyHandler,
  TranscriptRenderers,
} from "./transcript-view/transcript-types.ts";
export {
  type SessionTranscript,
  type SessionTranscriptOptions,
  type TranscriptSession,
  useSessionTranscript,
  useTranscript,
} from "./transcript-view/use-transcript.ts";
export {
  type TranscriptVirtualizer,
  useTranscriptVirtualizer,
} from "./transcript-view/use-transcript-virtualizer.ts";
export type { FileChange, PermissionState } from "./types.ts";
export { visibleText } from "./visible-text.ts";
