import { cx } from "../internal/class-names.ts";
import { LongText } from "../internal/long-text.tsx";
import { componentLimits } from "../limits.ts";
import { Markdown } from "../markdown.tsx";
import type { TranscriptEntry } from "../types.ts";
import { visibleText } from "../visible-text.ts";
import type { AgentTranscriptClassNames, TranscriptRenderers } from "./transcript-types.ts";

export interface TranscriptMessageProps {
  readonly entry: TranscriptEntry;
  readonly classNames: AgentTranscriptClassNames;
  readonly renderers: TranscriptRenderers;
}

/** A message of a user or an agent; an agent's message is rendered as Markdown if it is not too long. */
export function TranscriptMessage({ entry, classNames, renderers }: TranscriptMessageProps) {
  const variant = entry.role === "user" ? "user" : "assistant";
  const { renderMessageText = messageText, renderInlinePendingIndicator = pendingDots } = renderers;
  return (
    <article
      className={cx(classNames.message, variant, "no-avatar")}
      aria-label={variant === "user" ? "You" : "Agent"}
      data-slot="message"
      data-kind={entry.kind}
      data-role={entry.role}
      data-variant={variant}
      data-severity={entry.meta?.severity}
    >
      <div className={classNames.messageContent} data-slot="message-content">
        {entry.text || entry.kind !== "message" ? (
          <div className={classNames.messageText} data-slot="message-text">
            {entry.text ? renderMessageText(entry) : unknownText(entry)}
          </div>
        ) : (
          <span className={classNames.thinkingIndicator} data-slot="thinking-indicator">
            {renderInlinePendingIndicator()}
          </span>
        )}
      </div>
    </article>
  );
}

/** The fallback for an entry of another kind without text. */
function unknownText({ kind, meta, toolName }: TranscriptEntry) {
  return <span className="sa-plain-text">{visibleText(meta?.title ?? toolName ?? String(kind))}</span>;
}

function messageText(entry: TranscriptEntry) {
  const text = entry.text ?? "";
  if (text.length > componentLimits.markdownCharacters)
    return <LongText text={text} className="sa-plain-text" />;
  return entry.role === "user" ? (
    <span className="sa-plain-text">{visibleText(text)}</span>
  ) : (
    <Markdown text={text} />
  );
}

/** Shown while an agent's message is still empty. */
export function pendingDots() {
  return "...";
}
