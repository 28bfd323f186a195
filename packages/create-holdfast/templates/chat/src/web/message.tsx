import type { DynamicToolUIPart, UIMessage } from "ai";

export type Answer = (response: { id: string; approved: boolean }) => unknown;

export function Message({ message, answer }: { message: UIMessage; answer: Answer }) {
  return (
    <article data-role={message.role} aria-label={message.role === "user" ? "You" : "Assistant"}>
      {message.parts.map((part, at) => {
        const key = `${message.id}-${at}`;
        if (part.type === "text") return <p key={key}>{part.text}</p>;
        if (part.type === "dynamic-tool") return <ToolCall key={key} part={part} answer={answer} />;
        return null;
      })}
    </article>
  );
}

const states: Readonly<Record<DynamicToolUIPart["state"], string>> = {
  "input-streaming": "preparing",
  "input-available": "running",
  "approval-requested": "waits for you",
  "approval-responded": "answered",
  "output-available": "done",
  "output-error": "failed",
  "output-denied": "refused",
};

/** A call of a tool, and the question whether it may run. */
function ToolCall({ part, answer }: { part: DynamicToolUIPart; answer: Answer }) {
  return (
    <div className="call">
      {part.title ?? part.toolName} <small>{states[part.state]}</small>
      {part.state === "approval-requested" && (
        <div className="row">
          <button
            className="primary"
            type="button"
            onClick={() => answer({ id: part.approval.id, approved: true })}
          >
            Allow
          </button>
          <button type="button" onClick={() => answer({ id: part.approval.id, approved: false })}>
            Refuse
          </button>
        </div>
      )}
    </div>
  );
}
