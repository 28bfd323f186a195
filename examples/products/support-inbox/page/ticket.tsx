/** The open ticket: the conversation, who takes care of it, its tags, and the answer. */
import { useActorState } from "holdfast/react";
import { useEffect, useRef, useState } from "react";
import type { Agent } from "../http/sessions.ts";
import { limits } from "../limits.ts";
import type { Message } from "../ticket-data.ts";
import { ago, useActor, wordsOf } from "./client.ts";
import { Icon } from "./icons.tsx";
import { Reply } from "./reply.tsx";

interface TicketProps {
  readonly id: string;
  readonly agent: Agent;
  readonly team: readonly Agent[];
  readonly back: string;
  readonly isOnline: boolean;
}

export function Ticket({ id, agent, team, back, isOnline }: TicketProps) {
  // A ticket that does not exist is not made by looking at it.
  const ticket = useActor({ name: "ticket", key: [id], noCreate: true });
  const { state, error, mutate } = useActorState(ticket, {
    load: (self) => self.view(),
    on: {
      changed: (_before, now) => now,
      drafting: (now, draft) =>
        now.draft?.id === draft.id && now.draft.status === "writing" ? { ...now, draft } : now,
    },
  });
  const others = useOthers(ticket.connection, ticket.isConnected, agent.name);
  const [refusal, setRefusal] = useState<string>();
  const change = async (call: Parameters<typeof mutate>[0]): Promise<boolean> => {
    setRefusal(undefined);
    try {
      await mutate(call);
      return true;
    } catch (reason) {
      setRefusal(wordsOf(reason));
      return false;
    }
  };
  const failure = ticket.error ?? error;
  if (state === undefined)
    return (
      <div className="centered">
        {failure === undefined || failure === null ? (
          <p role="status">Loading the ticket</p>
        ) : (
          <p role="alert">This ticket cannot be shown: {failure.message}</p>
        )}
      </div>
    );
  const { assignee } = state;
  return (
    <>
      <header className="bar">
        <a className="back" href={back} aria-label="Back to the list">
          <Icon name="back" />
        </a>
        <h1>{state.subject}</h1>
        <label>
          <span className="hidden">Assigned to</span>
          <select
            value={assignee?.id ?? ""}
            disabled={!isOnline}
            onChange={(event) => void change((self) => self.assign(event.target.value || null))}
          >
            <option value="">Nobody</option>
            {team.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
            {assignee !== undefined && !team.some((each) => each.id === assignee.id) && (
              <option value={assignee.id}>{assignee.name}</option>
            )}
          </select>
        </label>
        <button
          type="button"
          disabled={!isOnline}
          onClick={() => void change((self) => self.setOpen(!state.isOpen))}
        >
          {state.isOpen ? "Close" : "Open again"}
        </button>
      </header>
      <div className="about">
        <span>
          {state.customer.name} <small>{state.customer.email}</small>
        </span>
        <Tags tags={state.tags} isOnline={isOnline} save={(tags) => change((self) => self.setTags(tags))} />
      </div>
      {others.length > 0 && (
        <p className="notice" role="status">
          {others.join(", ")} {others.length === 1 ? "is" : "are"} reading this, too.
        </p>
      )}
      <Messages messages={state.messages} draftId={state.draft?.id} />
      {refusal !== undefined && (
        <p className="notice" role="alert">
          <Icon name="warning" /> {refusal}
        </p>
      )}
      <Reply draft={state.draft} isOnline={isOnline} change={change} />
    </>
  );
}

type Connection = ReturnType<typeof useActor<"ticket">>["connection"];

/** Names of the other agents who have the ticket open. */
function useOthers(connection: Connection, isConnected: boolean, me: string): readonly string[] {
  const [others, setOthers] = useState<readonly string[]>([]);
  useEffect(() => {
    if (connection === null || !isConnected) return;
    void connection.enter().catch(() => undefined);
    return connection.onPresence((present) => {
      const names = [...present.values()].map((value) => (value as { name: string }).name);
      setOthers([...new Set(names)].filter((name) => name !== me));
    });
  }, [connection, isConnected, me]);
  return others;
}

function Messages({ messages, draftId }: { messages: readonly Message[]; draftId: string | undefined }) {
  const list = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new message is at the end, and a draft covers what was there.
  useEffect(
    () => void list.current?.scrollTo({ top: list.current.scrollHeight }),
    [messages.length, draftId],
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it.
    <section className="messages" aria-label="Conversation" aria-live="polite" ref={list} tabIndex={0}>
      {messages.map((message) => (
        <article key={message.id} data-kind={message.kind}>
          <p className="line">
            <strong>{message.name}</strong>{" "}
            <small>
              {message.kind === "note" ? "internal note · " : ""}
              {ago(message.createdAt)}
            </small>
          </p>
          <p className="text">{message.text}</p>
          {message.isDrafted === true && <small>Drafted by the model, approved by {message.name}</small>}
          {message.delivery !== undefined && <Delivery state={message.delivery} />}
        </article>
      ))}
    </section>
  );
}

function Delivery({ state }: { state: NonNullable<Message["delivery"]> }) {
  const words = { sending: "Being delivered", delivered: "Delivered", failed: "Could not be delivered" };
  return <small role={state === "failed" ? "alert" : undefined}>{words[state]}</small>;
}

interface TagsProps {
  readonly tags: readonly string[];
  readonly isOnline: boolean;
  readonly save: (tags: readonly string[]) => Promise<boolean>;
}

function Tags({ tags, isOnline, save }: TagsProps) {
  const [text, setText] = useState("");
  return (
    <form
      className="tags"
      onSubmit={(event) => {
        event.preventDefault();
        void save([...tags, text]).then((isSaved) => isSaved && setText(""));
      }}
    >
      {tags.map((tag) => (
        <span key={tag} className="tag">
          {tag}
          <button
            type="button"
            className="plain"
            aria-label={`Remove the tag ${tag}`}
            disabled={!isOnline}
            onClick={() => void save(tags.filter((each) => each !== tag))}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      {tags.length < limits.tags && (
        <input
          aria-label="Add a tag"
          placeholder="Add a tag"
          value={text}
          maxLength={limits.tagLength}
          disabled={!isOnline}
          onChange={(event) => setText(event.target.value)}
        />
      )}
    </form>
  );
}
