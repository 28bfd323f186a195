/** The answer: written by the agent, or drafted by the model and approved by the agent. */
import { useEffect, useState } from "react";
import { limits } from "../limits.ts";
import type { Draft } from "../ticket-data.ts";
import { newId, type useActor } from "./client.ts";
import { Icon } from "./icons.tsx";

type Connection = NonNullable<ReturnType<typeof useActor<"ticket">>["connection"]>;

interface ReplyProps {
  readonly draft: Draft | undefined;
  readonly isOnline: boolean;
  readonly change: (call: (self: Connection) => Promise<unknown>) => Promise<boolean>;
}

export function Reply({ draft, isOnline, change }: ReplyProps) {
  const [text, setText] = useState("");
  const isEmpty = text.trim() === "";
  const send = async (kind: "reply" | "note") => {
    const id = newId();
    if (await change((self) => self[kind](id, text))) setText("");
  };
  if (draft !== undefined && draft.status !== "failed")
    return <DraftCard key={draft.id} draft={draft} isOnline={isOnline} change={change} />;
  return (
    <form
      className="reply"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isEmpty) void send("reply");
      }}
    >
      {draft?.status === "failed" && <p role="alert">{draft.text}</p>}
      <textarea
        rows={3}
        aria-label="Answer"
        placeholder="Write an answer"
        value={text}
        maxLength={limits.messageLength}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="row">
        <button type="submit" className="primary" disabled={!isOnline || isEmpty}>
          Send
        </button>
        <button type="button" disabled={!isOnline || isEmpty} onClick={() => void send("note")}>
          <Icon name="note" /> Add as note
        </button>
        <button type="button" disabled={!isOnline} onClick={() => void change((self) => self.draft())}>
          <Icon name="draft" /> Draft an answer
        </button>
        {limits.messageLength - text.length < 500 && (
          <small>{limits.messageLength - text.length} characters left</small>
        )}
      </div>
    </form>
  );
}

interface DraftCardProps extends Omit<ReplyProps, "draft"> {
  readonly draft: Draft;
}

/** Nothing of a draft leaves before an agent has approved it, as it is or changed. */
function DraftCard({ draft, isOnline, change }: DraftCardProps) {
  const isWriting = draft.status === "writing";
  const [text, setText] = useState(draft.text);
  const [id] = useState(newId);
  // What the agent changes is theirs: only the model's own writing is followed.
  useEffect(() => setText(draft.text), [draft.text]);
  return (
    <section className="reply draft" aria-label="Draft">
      <h2>
        <Icon name="draft" />{" "}
        {isWriting ? "The model is writing a draft" : "Draft: read it before it is sent"}
      </h2>
      <textarea
        rows={7}
        aria-label="Draft of the answer"
        value={text}
        readOnly={isWriting}
        aria-busy={isWriting}
        maxLength={limits.messageLength}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="row">
        <button
          type="button"
          className="primary"
          disabled={!isOnline || isWriting || text.trim() === ""}
          onClick={() => void change((self) => self.reply(id, text, draft.id))}
        >
          Approve and send
        </button>
        <button type="button" disabled={!isOnline} onClick={() => void change((self) => self.discardDraft())}>
          Discard
        </button>
      </div>
    </section>
  );
}
