/** The rendered transcript: messages, tools, file changes. */
import type { ReactNode, RefObject } from "react";
import type { PermissionOption, PermissionReply, TranscriptEntry } from "../types.ts";

/** Class names to append to the slots' own (`sa-agent-transcript-…`). */
export interface AgentTranscriptClassNames {
  root: string;
  divider: string;
  dividerLine: string;
  dividerText: string;
  message: string;
  messageContent: string;
  messageText: string;
  error: string;
  toolGroupSingle: string;
  toolGroupContainer: string;
  toolGroupHeader: string;
  toolGroupIcon: string;
  toolGroupLabel: string;
  toolGroupChevron: string;
  toolGroupBody: string;
  toolItem: string;
  toolItemConnector: string;
  toolItemDot: string;
  toolItemLine: string;
  toolItemContent: string;
  toolItemHeader: string;
  toolItemIcon: string;
  toolItemLabel: string;
  toolItemSpinner: string;
  toolItemLink: string;
  toolItemChevron: string;
  toolItemBody: string;
  toolSection: string;
  toolSectionTitle: string;
  toolCode: string;
  toolCodeMuted: string;
  permissionPrompt: string;
  permissionHeader: string;
  permissionIcon: string;
  permissionTitle: string;
  permissionDescription: string;
  permissionActions: string;
  permissionButton: string;
  permissionAutoResolved: string;
  thinkingRow: string;
  thinkingAvatar: string;
  thinkingAvatarImage: string;
  thinkingAvatarLabel: string;
  thinkingIndicator: string;
  thinkingDot: string;
  endAnchor: string;
}

export interface PermissionOptionRenderContext {
  entry: TranscriptEntry;
  option: PermissionOption;
  label: string;
  reply: PermissionReply;
  selected: boolean;
  dimmed: boolean;
  resolved: boolean;
}

/**
 * Called when the user answers. `option` is the chosen option itself, because an agent may offer two of one kind. With
 * a promise the buttons wait for it, and a rejection is shown.
 */
export type PermissionReplyHandler = (
  permissionId: string,
  reply: PermissionReply,
  option: PermissionOption,
) => unknown;

/** Parts of a transcript that a program may render itself. */
export interface TranscriptRenderers {
  getToolGroupSummary?: (entries: TranscriptEntry[]) => string;
  /** By default Markdown for the assistant, text for the user. */
  renderMessageText?: (entry: TranscriptEntry) => ReactNode;
  /** For a message without text, and beside a running tool. */
  renderInlinePendingIndicator?: () => ReactNode;
  renderThinkingState?: (context: { agentId?: string }) => ReactNode;
  renderToolItemIcon?: (entry: TranscriptEntry) => ReactNode;
  renderToolGroupIcon?: (entries: TranscriptEntry[], expanded: boolean) => ReactNode;
  renderChevron?: (expanded: boolean) => ReactNode;
  renderEventLinkContent?: (entry: TranscriptEntry) => ReactNode;
  renderPermissionIcon?: (entry: TranscriptEntry) => ReactNode;
  renderPermissionOptionContent?: (context: PermissionOptionRenderContext) => ReactNode;
}

export interface AgentTranscriptProps extends TranscriptRenderers {
  entries: readonly TranscriptEntry[];
  className?: string;
  classNames?: Partial<AgentTranscriptClassNames>;
  /** An element at the end of the transcript; absent if it is virtualized. */
  endRef?: RefObject<HTMLDivElement | null>;
  /** The scrolling element. */
  scrollRef?: RefObject<HTMLDivElement | null>;
  scrollToEntryId?: string | null;
  sessionError?: string | null;
  eventError?: string | null;
  isThinking?: boolean;
  agentId?: string;
  /** Renders only visible entries. Needs `scrollRef`, and a height for that element. */
  virtualize?: boolean;
  onAtBottomChange?: (atBottom: boolean) => void;
  onEventClick?: (eventId: string) => void;
  onPermissionReply?: PermissionReplyHandler;
  isDividerEntry?: (entry: TranscriptEntry) => boolean;
  canOpenEvent?: (entry: TranscriptEntry) => boolean;
  /** The name of the transcript for assistive technology; "Transcript" by default. */
  label?: string;
}
