/** The open conversation, in step with all other pages that show it. */
import { useChat } from "@ai-sdk/react";
import { ActorChatTransport, followChat } from "@holdfast/ai-sdk/client";
import { lastAssistantMessageIsCompleteWithApprovalResponses, type UIMessage } from "ai";
import { useEffect, useMemo, useRef, useState } from "react";
import type { ConversationSummary } from "../person.ts";
import { client, wordsOf } from "./client.ts";
import { Composer } from "./composer.tsx";
import { Icon } from "./icons.tsx";
import { Message } from "./message.tsx";
import { ConversationTitle } from "./title.tsx";

interface ConversationProps {
  readonly userId: string;
  readonly summary: ConversationSummary;
  readonly messagesLeft: number;
  readonly isOnline: boolean;
  readonly onMenu: () => void;
  readonly rename: (title: string) => void;
  readonly remove: () => void;
}

type Handle = ReturnType<typeof client.assistant.getOrCreate>;

export function Conversation(props: ConversationProps) {
  const { userId, summary, isOnline, remove } = props;
  const handle = useMemo(() => client.assistant.getOrCreate([userId, summary.id]), [userId, summary.id]);
  const [messages, setMessages] = useState<UIMessage[]>();
  const [error, setError] = useState<string>();
  // A page that was opened while the server was away loads the conversation when it is back.
  useEffect(() => {
    if (!isOnline || messages !== undefined) return;
    handle.messages().then(setMessages, (reason: unknown) => setError(wordsOf(reason)));
  }, [handle, isOnline, messages]);
  const removeAll = async () => {
    try {
      await handle.stop();
      await handle.clear();
      remove();
      location.hash = "";
    } catch (reason) {
      setError(wordsOf(reason));
    }
  };
  return (
    <>
      <header className="bar">
        <button type="button" className="plain only-narrow" aria-label="Conversations" onClick={props.onMenu}>
          <Icon name="menu" />
        </button>
        <ConversationTitle title={summary.title} rename={props.rename} remove={() => void removeAll()} />
      </header>
      {error !== undefined && <p role="alert">{error}</p>}
      {messages === undefined ? (
        <p className="centered" role="status">
          Loading the conversation
        </p>
      ) : (
        <Messages handle={handle} messages={messages} messagesLeft={props.messagesLeft} isOnline={isOnline} />
      )}
    </>
  );
}

interface MessagesProps {
  readonly handle: Handle;
  readonly messages: UIMessage[];
  readonly messagesLeft: number;
  readonly isOnline: boolean;
}

const suggestions = [
  "Remember that I drink green tea",
  "What do you know about me?",
  "Remind me to call Ann in 1 minute",
];

function Messages({ handle, messages, messagesLeft, isOnline }: MessagesProps) {
  const transport = useMemo(() => new ActorChatTransport(handle), [handle]);
  const chat = useChat({
    messages,
    resume: true,
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const current = useRef(chat);
  current.current = chat;
  useEffect(() => followChat(handle, () => current.current), [handle]);
  const [draft, setDraft] = useState("");
  const isBusy = chat.status === "submitted" || chat.status === "streaming";
  const last = chat.messages.at(-1);
  const isWaiting =
    last?.parts.some((part) => "state" in part && part.state === "approval-requested") ?? false;
  const list = useScrollToEnd(chat.messages);
  const send = async (text: string) => {
    setDraft("");
    await chat.sendMessage({ text });
    // What the server did not take is not lost: it goes back where it was written.
    if (current.current.status !== "error") return;
    const known = await handle.messages().catch(() => undefined);
    const isTaken = known?.some(
      ({ role, parts }) => role === "user" && parts.some((part) => "text" in part && part.text === text),
    );
    if (isTaken === true) return;
    setDraft((now) => (now === "" ? text : now));
    chat.setMessages((all) => (all.at(-1)?.role === "user" ? all.slice(0, -1) : all));
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it. */}
      <section className="messages" aria-label="Conversation" aria-live="polite" ref={list} tabIndex={0}>
        {chat.messages.length === 0 && (
          <div className="suggestions">
            <p className="soft">How can I help you?</p>
            {suggestions.map((text) => (
              <button type="button" key={text} disabled={!isOnline} onClick={() => void send(text)}>
                {text}
              </button>
            ))}
          </div>
        )}
        {chat.messages.map((message) => (
          <Message
            key={message.id}
            message={message}
            reply={isBusy || !isOnline ? undefined : chat.addToolApprovalResponse}
          />
        ))}
        {isBusy && last?.role !== "assistant" && (
          <p className="typing" role="status" aria-label="The assistant is writing">
            <span />
            <span />
            <span />
          </p>
        )}
        {chat.error !== undefined && (
          <p role="alert">
            {chat.error.message}{" "}
            <button type="button" disabled={!isOnline} onClick={() => void chat.regenerate()}>
              Try again
            </button>
          </p>
        )}
      </section>
      <Composer
        {...{ draft, setDraft, isBusy, messagesLeft }}
        canSend={isOnline && messagesLeft > 0}
        placeholder={isWaiting ? "Answer above, or write something else" : "Write a message"}
        send={(text) => void send(text)}
        stop={() => void chat.stop()}
        {...(!isBusy && !isWaiting && last?.role === "assistant"
          ? { retry: () => void chat.regenerate() }
          : {})}
      />
    </>
  );
}

/** Follows what is written, unless the person has scrolled up to read. */
function useScrollToEnd(messages: readonly UIMessage[]) {
  const list = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const element = list.current;
    const note = () => {
      if (element !== null)
        isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
    };
    element?.addEventListener("scroll", note, { passive: true });
    return () => element?.removeEventListener("scroll", note);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the messages may make the list longer.
  useEffect(() => {
    if (isAtEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [messages]);
  return list;
}
