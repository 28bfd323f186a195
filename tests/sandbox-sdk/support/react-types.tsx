/**
 * Compiled by a test against the peer's published declarations: our components accept the same props and pass the same
 * values to callbacks. A new export of the peer fails.
 */
import type * as Ours from "@holdfast/sandbox-react";
import type * as Peer from "@sandbox-agent/react";

type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

export const missing: Equal<Exclude<keyof typeof Peer, keyof typeof Ours>, never> = true;
export const same: [
  Equal<Peer.AgentTranscriptClassNames, Ours.AgentTranscriptClassNames>,
  Equal<Peer.ChatComposerClassNames, Ours.ChatComposerClassNames>,
  Equal<Peer.AgentConversationClassNames, Ours.AgentConversationClassNames>,
  Equal<Peer.PermissionOption, Ours.PermissionOption>,
  Equal<Peer.PermissionReply, Ours.PermissionReply>,
] = [true, true, true, true, true];

export const transcript = (props: Peer.AgentTranscriptProps): Ours.AgentTranscriptProps => props;
export const composer = (props: Peer.ChatComposerProps): Ours.ChatComposerProps => props;
export const conversation = (props: Peer.AgentConversationProps): Ours.AgentConversationProps => props;
export const terminal = (props: Peer.ProcessTerminalProps): Ours.ProcessTerminalProps => props;
export const desktop = (props: Peer.DesktopViewerProps): Ours.DesktopViewerProps => props;
export const client = (given: Peer.ProcessTerminalClient): Ours.ProcessTerminalClient => given;
export const entry = (given: Peer.TranscriptEntry): Ours.TranscriptEntry => given;
export const context = (given: Ours.PermissionOptionRenderContext): Peer.PermissionOptionRenderContext =>
  given;
export const virtualizer = (
  hook: typeof Ours.useTranscriptVirtualizer,
): typeof Peer.useTranscriptVirtualizer => hook;
