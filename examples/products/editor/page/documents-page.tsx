/** The documents of a person, and the form for a new one. */
import { createHoldfastWithClient, useActorState } from "holdfast/react";
import { useState } from "react";
import { limits } from "../limits.ts";
import type { User } from "../sessions.ts";
import { ask, client, messageOf } from "./api.ts";

const { useActor } = createHoldfastWithClient(client);

const roles = { owner: "Yours", edit: "Can edit", read: "Can read" } as const;

export function DocumentsPage(props: { user: User; open: (id: string) => void; signOut: () => void }) {
  const actor = useActor({ name: "account", key: [props.user.id] });
  const { state: documents, error } = useActorState(actor, {
    load: (mine) => mine.documents(),
    on: { changed: (_before, now) => now },
  });
  const [failure, setFailure] = useState("");
  const create = (form: FormData) =>
    ask("POST /api/documents", { title: String(form.get("title")) }).then(
      ({ id }) => props.open(id),
      (reason: unknown) => setFailure(messageOf(reason)),
    );
  const problem = failure || (error === undefined ? "" : messageOf(error));
  return (
    <main className="documents">
      <header>
        <h1>Documents</h1>
        <p>
          {props.user.name}
          <button type="button" className="quiet" onClick={props.signOut}>
            Sign out
          </button>
        </p>
      </header>
      {actor.connStatus === "disconnected" && (
        <p className="banner" role="alert">
          The connection is lost. The list may be old; it is loaded again when the connection is back.
        </p>
      )}
      <form action={create} className="new">
        <input
          name="title"
          aria-label="Title of the new document"
          placeholder="Title of a new document"
          required
          maxLength={limits.titleCharacters}
        />
        <button type="submit" className="primary">
          Create
        </button>
      </form>
      {problem !== "" && <p role="alert">{problem}</p>}
      {documents === undefined && <p role="status">Loading your documents</p>}
      {documents?.length === 0 && (
        <p className="empty">
          You have no documents yet. Create one above, or open a link that somebody sent you.
        </p>
      )}
      <ul>
        {documents?.map(({ id, title, role, changedAt }) => (
          <li key={id}>
            <a
              href={`/d/${id}`}
              onClick={(event) => {
                if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                event.preventDefault();
                props.open(id);
              }}
            >
              {title}
            </a>
            <span className="tag" data-role={role}>
              {roles[role]}
            </span>
            <time dateTime={new Date(changedAt).toISOString()}>{new Date(changedAt).toLocaleString()}</time>
          </li>
        ))}
      </ul>
    </main>
  );
}
