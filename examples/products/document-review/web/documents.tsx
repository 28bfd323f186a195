/** The documents of the person who is signed in, and the form for a new one. */
import { useActorState } from "holdfast/react";
import { useState } from "react";
import type { Row } from "../review.ts";
import { useActor } from "./actors.ts";
import { NewDocument } from "./new-document.tsx";
import { Badge, Lost, Time } from "./parts.tsx";

function withRow(rows: readonly Row[], row: Row): readonly Row[] {
  const isKnown = rows.some(({ id }) => id === row.id);
  return isKnown ? rows.map((each) => (each.id === row.id ? row : each)) : [row, ...rows];
}

export function Documents({ userId }: { userId: string }) {
  const desk = useActor({ name: "desk", key: [userId], noCreate: true });
  const { state: rows } = useActorState(desk, {
    load: async (handle): Promise<readonly Row[]> => await handle.rows(),
    on: { changed: (before, row) => withRow(before, row) },
  });
  const [isOpen, setOpen] = useState(false);
  if (desk.error !== null) return <p role="alert">{desk.error.message}</p>;
  if (rows === undefined) return <p role="status">Loading your documents</p>;
  return (
    <main>
      <Lost isLost={!desk.isConnected} />
      <div className="title">
        <h1>Documents</h1>
        {!isOpen && (
          <button type="button" className="primary" onClick={() => setOpen(true)}>
            New document
          </button>
        )}
      </div>
      {isOpen && (
        <NewDocument
          userId={userId}
          onCreate={async (draft) => (await desk.connection?.create(draft)) ?? ""}
          onCancel={() => setOpen(false)}
        />
      )}
      {rows.length === 0 && !isOpen && <p className="hint">Nothing here yet. Begin with a new document.</p>}
      <ul className="rows">
        {rows.map(({ id, title, status, waitsFor, version, changedAt }) => (
          <li key={id}>
            <a href={`#/d/${userId}/${id}`}>
              <strong>{title}</strong>
              <Badge status={status} />
              <small>
                {version > 0 && `Version ${version}, `}
                {status === "review" && waitsFor !== "" && `waits for ${waitsFor}, `}
                <Time at={changedAt} />
              </small>
            </a>
          </li>
        ))}
      </ul>
    </main>
  );
}
