import { useChat } from "@ai-sdk/react";
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type UIMessage,
} from "ai";
import { chatTransport } from "holdfast/agent/chat";
import { createClient } from "holdfast/client";
import { useEffect, useMemo, useState } from "react";
import type { registry } from "../registry.ts";
import { Message } from "./message.tsx";

// While you develop, the actors have another port than the page.
const client = createClient<typeof registry>(import.meta.env["VITE_HOLDFAST_URL"] ?? location.origin);

// Each address is a chat of its own: /?chat=ann
const chat = client.assistant.getOrCreate(new URLSearchParams(location.search).get("chat") ?? "shop");

const suggestions = [
  'Use the tool `order` with {"number":1001}',
  'Use the tool `remember` with {"text":"Ann wants no plastic."}',
  'Write "hello" to hello.txt',
];

export function App() {
  const [messages, setMessages] = useState<UIMessage[]>();
  useEffect(() => {
    void chat.messages().then((all) => setMessages(all as UIMessage[]));
  }, []);
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

function Conversation({ messages }: { messages: UIMessage[] }) {
  const transport = useMemo(() => new DefaultChatTransport(chatTransport(chat)), []);
  const conversation = useChat({
    messages,
    resume: true,
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const isBusy = conversation.status === "submitted" || conversation.status === "streaming";
  const send = (text: string) => {
    if (text.trim() !== "") void conversation.sendMessage({ text });
  };
  return (
    <>
      <section className="messages" aria-label="Conversation" aria-live="polite">
        {conversation.messages.map((message) => (
          <Message key={message.id} message={message} answer={conversation.addToolApprovalResponse} />
        ))}
        {isBusy && <p role="status">The assistant is working</p>}
      </section>
      {conversation.error && <p role="alert">{conversation.error.message}</p>}
      {conversation.messages.length === 0 && (
        <div className="row">
          {suggestions.map((text) => (
            <button key={text} type="button" onClick={() => send(text)}>
              {text}
            </button>
          ))}
        </div>
      )}
      <form className="row" action={(form: FormData) => send(String(form.get("text")))}>
        <input name="text" aria-label="Message" placeholder="Ask for anything" autoComplete="off" />
        <button className="primary" type="submit" disabled={isBusy}>
          Send
        </button>
      </form>
    </>
  );
}
