import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChevronIcon } from "@holdfast/web-parts";
import { formatClock } from "@holdfast/web-parts/format";
import { useState } from "react";
import type { TranscriptItem } from "../../../transcript.ts";
import { SentAttachments } from "../../shared/prompt/attachment-list.tsx";
import { PromptText } from "../../shared/prompt/prompt-text.tsx";
import { Message } from "./message.tsx";
import { ToolCall } from "./tool-call.tsx";

/** One entry of the transcript. `streaming` is true for the newest one while the agent works. */
export function TranscriptEntry({
  item,
  streaming,
}: {
  readonly item: TranscriptItem;
  readonly streaming: boolean;
}) {
  switch (item.type) {
    case "prompt":
      return (
        <article className="prompt" aria-label="Your prompt">
          <p className="prompt-text">
            <PromptText text={item.text} />
          </p>
          {item.attachments !== undefined && <SentAttachments attachments={item.attachments} />}
          <Clock at={item.at} />
        </article>
      );
    case "message":
      return (
        <article className="message" aria-label="Message of the agent">
          <Message text={item.text} />
        </article>
      );
    case "thought":
      return <Thought text={item.text} streaming={streaming} />;
    case "tool":
      return <ToolCall call={item} />;
    case "approval":
      return <SettledApproval item={item} />;
    case "notice":
      return (
        <p className={`event event-${item.level}`} data-kind={item.kind}>
          <span>{visibleText(item.text)}</span>
          <Clock at={item.at} />
        </p>
      );
    case "failed":
      return (
        <p className="event event-failed">
          <span>{visibleText(item.error.message)}</span>
          <code>
            {item.error.group}.{item.error.code}
          </code>
          <Clock at={item.at} />
        </p>
      );
  }
}

function Clock({ at }: { readonly at: number }) {
  return (
    <time className="clock" dateTime={new Date(at).toISOString()}>
      {formatClock(at)}
    </time>
  );
}

/** Collapsed by default; its body is rendered only when it is expanded. */
function Thought({ text, streaming }: { readonly text: string; readonly streaming: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="thought" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <ChevronIcon />
        <span className="thought-title">{streaming ? "Thinking" : "Thought"}</span>
        {!open && <span className="thought-preview">{visibleText(preview(text))}</span>}
      </summary>
      {open && <Message text={text} />}
    </details>
  );
}

function preview(text: string): string {
  return text
    .slice(0, 240)
    .replace(/\s+/g, " ")
    .replace(/[*_`#]/g, "")
    .trim();
}

const outcomeLabels: Readonly<Record<Extract<TranscriptItem, { type: "approval" }>["state"], string>> = {
  waiting: "Waiting for an answer",
  allowed: "You allowed",
  denied: "You denied",
  expired: "Expired without an answer",
  cancelled: "Withdrawn",
};

/** The question's position in the log; while it is open, its card is in the dock. */
function SettledApproval({ item }: { readonly item: Extract<TranscriptItem, { type: "approval" }> }) {
  const option = item.approval.options.find((candidate) => candidate.id === item.optionId);
  return (
    <p className={`event event-approval event-${item.state}`} data-approval-state={item.state}>
      <span>
        <strong>{outcomeLabels[item.state]}:</strong> {visibleText(item.approval.title)}
        {option !== undefined && <span className="muted"> ({visibleText(option.name)})</span>}
      </span>
      <Clock at={item.at} />
    </p>
  );
}
