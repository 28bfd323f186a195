/** One document: what it says, who decides, and what has happened. */
import { useActorState } from "holdfast/react";
import { type ReactNode, useState } from "react";
import { type DocumentView, isEnded, type Version, type You } from "../review.ts";
import { messageOf, useActor } from "./actors.ts";
import { Decide } from "./decide.tsx";
import { Audit, Comments, Versions } from "./history.tsx";
import { Badge, Lost } from "./parts.tsx";
import { People } from "./people.tsx";
import { upload } from "./upload.ts";

interface Loaded {
  readonly view: DocumentView;
  readonly you: You;
}

export function DocumentPage({ ownerId, id }: { ownerId: string; id: string }) {
  const actor = useActor({ name: "document", key: [ownerId, id], noCreate: true });
  const { state, reload } = useActorState(actor, {
    load: async (handle): Promise<Loaded> => await handle.view(),
  });
  // Each person sees something else, so a change is loaded rather than sent.
  actor.useEvent("changed", () => void reload());
  const [error, setError] = useState("");
  const run = async (doing: Promise<unknown> | undefined): Promise<boolean> => {
    setError("");
    try {
      await doing;
      return true;
    } catch (cause) {
      setError(messageOf(cause));
      return false;
    }
  };
  if (actor.error !== null)
    return (
      <main className="narrow">
        <h1>This document is closed to you</h1>
        <p role="alert">{actor.error.message}</p>
      </main>
    );
  if (state === undefined) return <p role="status">Loading the document</p>;
  const { view, you } = state;
  const latest = view.versions.at(-1);
  const { connection } = actor;
  return (
    <main className="document">
      <Lost isLost={!actor.isConnected} />
      <Head view={view} you={you}>
        {you.role === "owner" && !isEnded(view.status) && (
          <OwnerActions
            onUpload={(file) => void run(upload(ownerId, id, file))}
            onWithdraw={() => void run(connection?.withdraw())}
          />
        )}
      </Head>
      {error !== "" && <p role="alert">{error}</p>}
      <div className="columns">
        <div>
          {you.mayDecide && latest !== undefined && (
            <Decide
              key={latest.number}
              onDecide={async (decision, comment) =>
                void (await run(connection?.decide({ version: latest.number, decision, comment })))
              }
            />
          )}
          {latest !== undefined && <Contents version={latest} />}
          <Comments
            comments={view.comments}
            onComment={async (text) => await run(connection?.comment(text))}
          />
        </div>
        <div>
          <People
            view={view}
            you={you}
            linkOf={async (personId) => (await connection?.link(personId)) ?? ""}
            onReplace={(personId) => void run(connection?.replaceLink(personId))}
          />
          <Versions versions={view.versions} ownerId={ownerId} id={id} />
          <Audit entries={view.audit} isIntact={view.isAuditIntact} />
        </div>
      </div>
    </main>
  );
}

function Head({ view, you, children }: { view: DocumentView; you: You; children: ReactNode }) {
  const roles = { owner: "you are its owner", reviewer: "you review it", deputy: "you are the deputy" };
  return (
    <header className="title">
      <div>
        <h1>{view.title}</h1>
        <p className="hint">
          From {view.owner}; {roles[you.role]}
          {you.role !== "owner" && ` as ${you.name}`}
        </p>
      </div>
      <Badge status={view.status} />
      {children}
    </header>
  );
}

function OwnerActions(props: { onUpload: (file: File) => void; onWithdraw: () => void }) {
  return (
    <div className="actions">
      <label className="button">
        New version
        <input
          type="file"
          className="hidden"
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? [];
            if (file !== undefined) props.onUpload(file);
            currentTarget.value = "";
          }}
        />
      </label>
      <button type="button" onClick={props.onWithdraw}>
        Withdraw
      </button>
    </div>
  );
}

function Contents({ version: { reading, preview } }: { version: Version }) {
  return (
    <section className="card" aria-labelledby="contents">
      <h2 id="contents">Summary</h2>
      {reading.state === "reading" && <p role="status">The document is being read</p>}
      {reading.state === "unreadable" && <p>{reading.why}</p>}
      {reading.state === "read" && (
        <>
          <p>{reading.summary.summary}</p>
          <ul className="points">
            {reading.summary.points.map(({ kind, text }) => (
              <li key={`${kind} ${text}`}>
                <span className="kind">{kind}</span>
                <span>{text}</span>
              </li>
            ))}
          </ul>
          <small>Made by a model. Read the document before you decide.</small>
        </>
      )}
      {preview !== "" && (
        <details>
          <summary>Text of the document</summary>
          <pre>{preview}</pre>
        </details>
      )}
    </section>
  );
}
