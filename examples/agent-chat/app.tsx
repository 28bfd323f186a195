/** The page: the conversation with `useChat`, questions of the agent, and what it remembers. */
import { useChat } from "@ai-sdk/react";
import {
  DefaultChatTransport,
  type DynamicToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type UIMessage,
} from "ai";
import type { Fact } from "holdfast/agent";
import { chatTransport } from "holdfast/agent/chat";
import { createClient } from "holdfast/client";
import { useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import type { registry } from "./actors.ts";

// Each address is a chat of its own: /?chat=ann
const key = new URLSearchParams(location.search).get("chat") ?? "shop";
const handle = createClient<typeof registry>(location.origin).assistant.getOrCreate([key]);

function Page() {
  const [loaded, setLoaded] = useState<{ messages: UIMessage[]; facts: Fact[] }>();
  useEffect(() => {
    const load = async () => {
      const [messages, facts] = await Promise.all([handle.messages(), handle.facts()]);
      setLoaded({ messages: messages as UIMessage[], facts });
    };
    void load();
  }, []);
  return (
    <main>
      <h1>Shop assistant</h1>
      {loaded === undefined ? <p role="status">Loading the conversation</p> : <Conversation {...loaded} />}
    </main>
  );
}

function Conversation(props: { messages: UIMessage[]; facts: Fact[] }) {
  const [facts, setFacts] = useState(props.facts);
  const transport = useMemo(() => new DefaultChatTransport(chatTransport(handle)), []);
  const chat = useChat({
    messages: props.messages,
    resume: true,
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
    onFinish: async () => setFacts(await handle.facts()),
  });
  const isBusy = chat.status === "submitted" || chat.status === "streaming";
  const isWaiting = chat.messages.at(-1)?.parts.some(isQuestion) ?? false;
  const send = (form: FormData) => {
    const text = String(form.get("text")).trim();
    if (text !== "") void chat.sendMessage({ text });
  };
  // The stream of a running turn tells its end itself; behind a question there is none.
  const stop = async () => {
    for (const id of await handle.cancel()) await handle.result(id);
    if (isWaiting) chat.setMessages((await handle.messages()) as UIMessage[]);
  };
  return (
    <>
      <section className="messages" aria-label="Conversation" aria-live="polite">
        {chat.messages.map((message) => (
          <Message key={message.id} message={message} answer={chat.addToolApprovalResponse} />
        ))}
        {isBusy && !isWaiting && <p role="status">The assistant is working</p>}
      </section>
      {chat.error && <p role="alert">{chat.error.message}</p>}
      <form className="row" action={send}>
        <input name="text" aria-label="Message" placeholder="Ask for anything" autoComplete="off" />
        <button className="primary" type="submit" disabled={isBusy || isWaiting}>
          Send
        </button>
        {(isBusy || isWaiting) && (
          <button type="button" onClick={() => void stop()}>
            Stop
          </button>
        )}
      </form>
      <Memory
        facts={facts}
        onForget={(id) => void handle.forget(id).then(async () => setFacts(await handle.facts()))}
      />
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
        return part.type === "dynamic-tool" ? <Call key={id} part={part} answer={answer} /> : null;
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

function Call({ part, answer }: { part: DynamicToolUIPart; answer: Answer }) {
  const change = changeOf(part.input);
  return (
    <div className="call">
      {part.title ?? part.toolName} <small>{states[part.state]}</small>
      {part.state === "approval-requested" && change !== undefined && <pre>{change}</pre>}
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

function Memory({ facts, onForget }: { facts: Fact[]; onForget: (id: number) => void }) {
  if (facts.length === 0) return null;
  return (
    <aside aria-label="Memory">
      <h2>What the assistant remembers</h2>
      <ul>
        {facts.map(({ id, text }) => (
          <li key={id}>
            {text}
            <button type="button" aria-label={`Forget: ${text}`} onClick={() => onForget(id)}>
              Forget
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}

function isQuestion(part: UIMessage["parts"][number]): boolean {
  return part.type === "dynamic-tool" && part.state === "approval-requested";
}

/** The new text of the first file that a call wants to change. */
function changeOf(input: unknown): string | undefined {
  const changes: unknown =
    typeof input === "object" && input !== null && "changes" in input ? input.changes : [];
  const [first]: unknown[] = Array.isArray(changes) ? changes : [];
  return typeof first === "object" && first !== null && "newText" in first
    ? String(first.newText)
    : undefined;
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<Page />);
