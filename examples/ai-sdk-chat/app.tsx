/** The page: the conversation with `useChat`, in step with all other pages that show the same chat. */
import { useChat } from "@ai-sdk/react";
import { ActorChatTransport, followChat } from "@holdfast/ai-sdk/client";
import {
  type DynamicToolUIPart,
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type ToolUIPart,
  type UIMessage,
} from "ai";
import { createClient } from "holdfast/client";
import { useEffect, useMemo, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import type { registry } from "./actors.ts";

// Each address is a chat of its own: /?chat=ann
const key = new URLSearchParams(location.search).get("chat") ?? "shop";
const handle = createClient<typeof registry>(location.origin).assistant.getOrCreate([key]);

function Page() {
  const [messages, setMessages] = useState<UIMessage[]>();
  useEffect(() => void handle.messages().then(setMessages), []);
  return (
    <main>
      <h1>Shop assistant</h1>
      {messages === undefined ? (
        <p role="status">Loading the conversation</p>
      ) : (
        <Conversation messages={messages} />
      )}
    </main>
  );
}

function Conversation(props: { messages: UIMessage[] }) {
  const transport = useMemo(() => new ActorChatTransport(handle), []);
  const chat = useChat({
    messages: props.messages,
    resume: true,
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const current = useRef(chat);
  current.current = chat;
  useEffect(() => followChat(handle, () => current.current), []);
  const isBusy = chat.status === "submitted" || chat.status === "streaming";
  const send = (form: FormData) => {
    const text = String(form.get("text")).trim();
    if (text !== "") void chat.sendMessage({ text });
  };
  return (
    <>
      <section className="messages" aria-label="Conversation" aria-live="polite">
        {chat.messages.map((message) => (
          <Message key={message.id} message={message} answer={chat.addToolApprovalResponse} />
        ))}
        {isBusy && <p role="status">The assistant is writing</p>}
      </section>
      {chat.error && <p role="alert">{chat.error.message}</p>}
      <form className="row" action={send}>
        <input name="text" aria-label="Message" placeholder="Ask for anything" autoComplete="off" />
        <button className="primary" type="submit" disabled={isBusy}>
          Send
        </button>
        {isBusy && (
          <button type="button" onClick={() => void chat.stop()}>
            Stop
          </button>
        )}
        {!isBusy && chat.messages.length > 0 && (
          <button type="button" onClick={() => void chat.regenerate()}>
            Try again
          </button>
        )}
      </form>
    </>
  );
}

type Answer = (response: { id: string; approved: boolean }) => unknown;

function Message({ message, answer }: { message: UIMessage; answer: Answer }) {
  return (
    <article data-role={message.role} aria-label={message.role === "user" ? "You" : "Assistant"}>
      {message.parts.map((part, at) => {
        const id = `${message.id}-${at}`;
        if (part.type === "text") return <p key={id}>{part.text}</p>;
        if (part.type === "reasoning")
          return (
            <p key={id} className="thought">
              {part.text}
            </p>
          );
        return isToolUIPart(part) ? <Call key={id} part={part} answer={answer} /> : null;
      })}
    </article>
  );
}

const states: Readonly<Record<ToolUIPart["state"], string>> = {
  "input-streaming": "preparing",
  "input-available": "running",
  "approval-requested": "waits for you",
  "approval-responded": "answered",
  "output-available": "done",
  "output-error": "failed",
  "output-denied": "refused",
};

function Call({ part, answer }: { part: ToolUIPart | DynamicToolUIPart; answer: Answer }) {
  const name = part.type === "dynamic-tool" ? part.toolName : part.type.slice("tool-".length);
  return (
    <div className="call">
      {name} {JSON.stringify(part.input)} <small>{states[part.state]}</small>
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

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<Page />);
