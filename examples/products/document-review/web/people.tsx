/** The reviewers in their order, and their links, which the owner passes on. */
import { useState } from "react";
import type { DocumentView, Message, Reviewer, You } from "../review.ts";
import { Badge, Time } from "./parts.tsx";

export function People(props: {
  view: DocumentView;
  you: You;
  linkOf: (personId: string) => Promise<string>;
  onReplace: (personId: string) => void;
}) {
  const { view, you, linkOf, onReplace } = props;
  return (
    <section className="card" aria-labelledby="people">
      <h2 id="people">Reviewers</h2>
      <ol className="people">
        {view.reviewers.map((reviewer) => (
          <li key={reviewer.id}>
            <strong>{reviewer.name}</strong>
            <Badge status={reviewer.status} />
            <About reviewer={reviewer} />
            {you.role === "owner" && (
              <Links
                name={reviewer.name}
                linkOf={async () => await linkOf(reviewer.id)}
                onReplace={() => onReplace(reviewer.id)}
              />
            )}
          </li>
        ))}
      </ol>
      <p className="hint">
        Reminders every {view.remindDays} {view.remindDays === 1 ? "day" : "days"}
        {view.deputy !== undefined && `, then ${view.deputy} may decide`}.
      </p>
      <Messages
        messages={view.messages.filter(({ isSent, personId }) => !isSent && personId !== "owner")}
        linkOf={linkOf}
      />
    </section>
  );
}

function About({ reviewer: { askedAt, decidedAt, decidedBy, comment, reminders } }: { reviewer: Reviewer }) {
  const at = decidedAt ?? askedAt;
  if (at === undefined) return null;
  return (
    <small>
      <Time at={at} />
      {decidedBy !== undefined && `, by ${decidedBy}`}
      {reminders > 0 && `, reminded ${reminders === 1 ? "once" : `${reminders} times`}`}
      {comment !== undefined && comment !== "" && <q>{comment}</q>}
    </small>
  );
}

async function copyLink(linkOf: () => Promise<string>): Promise<void> {
  await navigator.clipboard.writeText(`${location.origin}/#/link/${await linkOf()}`);
}

function Links(props: { name: string; linkOf: () => Promise<string>; onReplace: () => void }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    await copyLink(props.linkOf).then(
      () => setSaid("Copied"),
      () => setSaid("The browser does not allow to copy"),
    );
  };
  return (
    <span className="actions small">
      <button type="button" aria-label={`Copy link of ${props.name}`} onClick={() => void copy()}>
        Copy link
      </button>
      <button type="button" aria-label={`Replace link of ${props.name}`} onClick={props.onReplace}>
        Replace link
      </button>
      <small role="status">{said}</small>
    </span>
  );
}

/** What no mail service has sent, for the owner to pass on. */
function Messages({
  messages,
  linkOf,
}: {
  messages: readonly Message[];
  linkOf: (id: string) => Promise<string>;
}) {
  const [copied, setCopied] = useState("");
  const copy = async ({ id, personId }: Message) => {
    await copyLink(async () => await linkOf(personId)).then(
      () => setCopied(id),
      () => setCopied(""),
    );
  };
  if (messages.length === 0) return null;
  return (
    <details>
      <summary>Messages to pass on ({messages.length})</summary>
      <ul className="messages">
        {messages.toReversed().map((message) => (
          <li key={message.id}>
            <span>
              To {message.to}: {message.text}
            </span>
            <button type="button" onClick={() => void copy(message)}>
              {copied === message.id ? "Copied" : "Copy its link"}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
