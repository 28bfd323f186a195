/** One message: what was said, and each tool with what it does, or asks for. */
import { type DynamicToolUIPart, isToolUIPart, type ToolUIPart, type UIMessage } from "ai";
import { Icon, type IconName } from "./icons.tsx";
import { Markdown } from "./markdown.tsx";

type ToolPart = ToolUIPart | DynamicToolUIPart;
/** Undefined while no answer can be sent: the assistant is still writing, or the connection is lost. */
type Reply = ((response: { id: string; approved: boolean }) => unknown) | undefined;

export function Message({ message, reply }: { message: UIMessage; reply: Reply }) {
  return (
    <article data-role={message.role} aria-label={message.role === "user" ? "You" : "Assistant"}>
      {message.parts.map((part, at) => {
        const key = `${message.id}-${at}`;
        if (part.type === "text")
          return message.role === "user" ? (
            <p key={key}>{part.text}</p>
          ) : (
            <Markdown key={key} text={part.text} />
          );
        if (part.type === "reasoning" && part.text !== "")
          return (
            <details key={key} className="thought">
              <summary>Thoughts</summary>
              <p>{part.text}</p>
            </details>
          );
        return isToolUIPart(part) ? <ToolCall key={key} part={part} reply={reply} /> : null;
      })}
    </article>
  );
}

interface Words {
  readonly icon: IconName;
  readonly question: string;
  readonly asks: string;
  readonly done: string;
}

function field(value: unknown, name: string): string {
  if (typeof value !== "object" || value === null || !(name in value)) return "";
  return String(Reflect.get(value, name) ?? "");
}

function minutesInWords(minutes: number): string {
  const [amount, unit] =
    minutes >= 1_440
      ? [minutes / 1_440, "day"]
      : minutes >= 60
        ? [minutes / 60, "hour"]
        : [minutes, "minute"];
  const rounded = Math.round(amount * 10) / 10;
  return `in ${rounded} ${unit}${rounded === 1 ? "" : "s"}`;
}

/** What a tool does, in words for people. */
function wordsOf(part: ToolPart): Words {
  const name = part.type === "dynamic-tool" ? part.toolName : part.type.slice("tool-".length);
  const text = field(part.input, "text");
  if (name === "remember")
    return {
      icon: "brain",
      question: "Remember this?",
      asks: `Remember: ${text}`,
      done: `Remembered: ${text}`,
    };
  if (name === "forget")
    return { icon: "trash", question: "Forget this?", asks: `Forget: ${text}`, done: `Forgotten: ${text}` };
  if (name !== "set_reminder")
    return { icon: "check", question: "Run this tool?", asks: `Use ${name}`, done: `Used ${name}` };
  const when = minutesInWords(Number(field(part.input, "inMinutes")));
  return {
    ...{ icon: "bell", question: "Set this reminder?" },
    ...{ asks: `Remind you to ${text}, ${when}`, done: `Reminder set: ${text}, ${when}` },
  };
}

function ToolCall({ part, reply }: { part: ToolPart; reply: Reply }) {
  const { icon, question, asks, done } = wordsOf(part);
  const { state } = part;
  if (state === "approval-requested") {
    const { id } = part.approval;
    return (
      <section className="approval" aria-label="Approval">
        <h2>
          <Icon name={icon} /> {question}
        </h2>
        <p>{asks}</p>
        <p className="row">
          <button
            type="button"
            className="primary"
            disabled={reply === undefined}
            onClick={() => reply?.({ id, approved: true })}
          >
            Allow
          </button>
          <button
            type="button"
            disabled={reply === undefined}
            onClick={() => reply?.({ id, approved: false })}
          >
            Decline
          </button>
        </p>
      </section>
    );
  }
  if (state === "output-available")
    return (
      <p className="tool">
        <Icon name={icon} /> {done}
      </p>
    );
  const more = {
    "input-streaming": "…",
    "input-available": "…",
    "approval-responded": "…",
    "output-error": `: failed. ${part.errorText ?? ""}`,
    "output-denied": ": declined",
  } satisfies Record<typeof state, string>;
  return (
    <p className="tool">
      <Icon name={state === "output-error" ? "warning" : icon} /> {asks}
      {more[state]}
    </p>
  );
}
