import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { formatCount, formatDateTime } from "../../format.ts";
import { ConfirmButton, Empty, ErrorNotice, Loading, TimeAgo, useAnnounce } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { deadLettersQuery, queueQuery, useActorMutation } from "../api/queries.ts";
import type { QueueMessage } from "../api/types.ts";
import { parseValue } from "../api/values.ts";
import { CodeField, SelectField, TextField } from "../parts/fields.tsx";
import { Value } from "../parts/value.tsx";

/** Waiting messages, dead letters, and a form to send a message. */
export function QueueTab() {
  return (
    <>
      <div className="panel-head">
        <h2>Queues</h2>
      </div>
      <div className="panel-columns">
        <SendForm />
        <Messages />
      </div>
    </>
  );
}

function Messages() {
  const { address, api } = useOpenActor();
  const queue = useQuery(queueQuery(address));
  const letters = useQuery(deadLettersQuery(address));
  return (
    <div>
      <div className="panel-head">
        <h3>
          Messages{" "}
          {queue.data !== undefined && (
            <span className="muted small">
              {formatCount(queue.data.size)} of at most {formatCount(queue.data.maxSize)}
            </span>
          )}
        </h3>
        <ConfirmButton
          label="Clear"
          accessibleLabel="Clear the queues"
          title="Delete all waiting messages?"
          confirmLabel="Delete all"
          disabled={(queue.data?.messages.length ?? 0) === 0}
          onConfirm={() => api.clearQueue()}
        >
          <p>In all queues of this actor. Messages held by a consumer stay.</p>
        </ConfirmButton>
      </div>
      {queue.isPending && <Loading label="Loading messages" />}
      {queue.isError && <ErrorNotice error={queue.error} onRetry={() => void queue.refetch()} />}
      {queue.data?.messages.length === 0 && <Empty title="No messages" />}
      {queue.data !== undefined && queue.data.messages.length > 0 && (
        <ul className="rows">
          {queue.data.messages.map((message) => (
            <MessageRow key={message.id} message={message} />
          ))}
        </ul>
      )}
      {queue.data?.truncated === true && (
        <p className="muted small">The oldest {queue.data.messages.length} are shown.</p>
      )}
      <h3>Dead letters</h3>
      {letters.isError && <ErrorNotice error={letters.error} onRetry={() => void letters.refetch()} />}
      {letters.isPending && <Loading label="Loading dead letters" rows={1} />}
      {letters.data?.length === 0 && <p className="muted">No dead letters.</p>}
      {letters.data !== undefined && letters.data.length > 0 && (
        <ul className="rows">
          {letters.data.map((message) => (
            <DeadLetterRow key={message.id} message={message} />
          ))}
        </ul>
      )}
    </div>
  );
}

function SendForm() {
  const { address, actor, api } = useOpenActor();
  const announce = useAnnounce();
  const [name, setName] = useState(actor.queues[0] ?? "");
  const [text, setText] = useState("{}");
  const [delay, setDelay] = useState("");
  const parsed = parseValue(text);
  const send = useActorMutation(
    address,
    (body: unknown) => api.send(name, body, delay === "" ? undefined : { delayMs: Number(delay) }),
    "queue",
  );
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!parsed.ok || send.isPending) return;
    send.mutate(parsed.value, { onSuccess: ({ id }) => announce(`Message ${id} is sent.`) });
  };
  return (
    <form className="panel-form" aria-label="Send a message" onSubmit={submit}>
      <div className="form-columns">
        <SelectField label="Queue" value={name} onChange={setName}>
          {actor.queues.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Delay in milliseconds"
          type="number"
          value={delay}
          placeholder="none"
          onChange={setDelay}
        />
      </div>
      <CodeField
        label="Body"
        value={text}
        onChange={setText}
        onSubmit={submit}
        problem={parsed.ok ? undefined : parsed.problem}
        help="JSON. Press Ctrl+Enter to send."
      />
      {send.isError && <ErrorNotice error={send.error} title="The message was not sent." />}
      <div className="form-foot">
        <button type="submit" className="button button-primary" disabled={!parsed.ok || send.isPending}>
          {send.isPending ? "Sending…" : "Send"}
        </button>
        {send.isSuccess && <span className="muted small">Message {send.data.id} is durable.</span>}
      </div>
    </form>
  );
}

const statusLabels: Readonly<Record<QueueMessage["status"], string>> = {
  ready: "ready",
  delayed: "delayed",
  out: "with a consumer",
  dead: "failed",
};

function MessageFacts({ message }: { readonly message: QueueMessage }) {
  return (
    <>
      <p className="row-title">
        <span className="muted">#{message.id}</span> {visibleText(message.name)}{" "}
        <span className="tag">{statusLabels[message.status]}</span>{" "}
        {message.priority !== 0 && <span className="tag">priority {message.priority}</span>}
      </p>
      <p className="row-meta">
        sent <TimeAgo at={message.createdAtMs} />
        {message.attempt > 0 && (
          <>, delivered {message.attempt === 1 ? "once" : `${message.attempt} times`}</>
        )}
        {message.status === "delayed" && message.availableAt !== undefined && (
          <>, from {formatDateTime(message.availableAt)}</>
        )}
      </p>
      <Value value={message.body} label="Body" />
    </>
  );
}

function MessageRow({ message }: { readonly message: QueueMessage }) {
  const { api } = useOpenActor();
  return (
    <li className="row" data-message={message.id}>
      <div className="row-main">
        <MessageFacts message={message} />
      </div>
      <ConfirmButton
        label="Delete"
        accessibleLabel={`Delete message ${message.id}`}
        title={`Delete message ${message.id}?`}
        confirmLabel="Delete"
        disabled={message.status === "out"}
        onConfirm={() => api.deleteMessage(message.id)}
      >
        <p>The consumer will not receive it.</p>
      </ConfirmButton>
    </li>
  );
}

function DeadLetterRow({ message }: { readonly message: QueueMessage }) {
  const { address, api } = useOpenActor();
  const retry = useActorMutation(address, () => api.retryDeadLetter(message.id), "queue", "dead-letters");
  const remove = useActorMutation(address, () => api.deleteDeadLetter(message.id), "dead-letters");
  return (
    <li className="row" data-dead-letter={message.id}>
      <div className="row-main">
        <MessageFacts message={message} />
        {message.death !== undefined && <p className="row-error">{visibleText(message.death.reason)}</p>}
        {retry.isError && <ErrorNotice error={retry.error} title="The message was not retried." />}
      </div>
      <div className="row-deeds">
        <button
          type="button"
          className="button button-small"
          aria-label={`Retry message ${message.id}`}
          disabled={retry.isPending}
          onClick={() => retry.mutate(undefined)}
        >
          Retry
        </button>
        <ConfirmButton
          label="Delete"
          accessibleLabel={`Delete dead letter ${message.id}`}
          title={`Delete dead letter ${message.id}?`}
          confirmLabel="Delete"
          onConfirm={() => remove.mutateAsync(undefined)}
        >
          <p>It can no longer be retried.</p>
        </ConfirmButton>
      </div>
    </li>
  );
}
