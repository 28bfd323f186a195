/** Earlier versions: what is different in them, and the way back. */
import { diffWordsWithSpace } from "diff";
import { useEffect, useMemo, useState } from "react";
import type { Version } from "../actors/versions.ts";
import { limits } from "../limits.ts";
import { messageOf } from "./api.ts";
import type { DocumentSession } from "./document-session.ts";

interface HistoryProps {
  readonly session: DocumentSession;
  readonly versions: readonly Version[];
  readonly readOnly: boolean;
  readonly text: string;
  readonly close: () => void;
}

export function HistoryPanel({ session, versions, readOnly, text, close }: HistoryProps) {
  const [selected, setSelected] = useState<number>();
  const [failure, setFailure] = useState("");
  const attempt = (work: Promise<unknown>) =>
    void work.then(
      () => setFailure(""),
      (error: unknown) => setFailure(messageOf(error)),
    );
  return (
    <aside className="history" aria-labelledby="history-title">
      <div className="buttons">
        <h2 id="history-title">History</h2>
        <button type="button" className="quiet" onClick={close} aria-label="Close the history">
          ✕
        </button>
      </div>
      {!readOnly && (
        <form className="new" action={(form) => attempt(session.conn.saveVersion(String(form.get("label"))))}>
          <input
            name="label"
            aria-label="Name of the version"
            placeholder="Name"
            maxLength={limits.labelCharacters}
          />
          <button type="submit">Keep this version</button>
        </form>
      )}
      {failure !== "" && <p role="alert">{failure}</p>}
      {versions.length === 0 && (
        <p className="empty">No versions yet. One is kept whenever somebody goes on after a pause.</p>
      )}
      <ul>
        {versions.toReversed().map((version) => (
          <li key={version.id}>
            <button
              type="button"
              className="version"
              aria-expanded={selected === version.id}
              onClick={() => setSelected(selected === version.id ? undefined : version.id)}
            >
              <strong>{version.label ?? new Date(version.savedAt).toLocaleString()}</strong>
              <small>
                {version.label === undefined ? "" : `${new Date(version.savedAt).toLocaleString()} · `}
                {version.by.length === 0 ? "" : `${version.by.join(", ")} · `}
                {version.characters.toLocaleString("en")} characters
              </small>
            </button>
            {selected === version.id && (
              <Changes {...{ session, text }} version={version.id}>
                {!readOnly && (
                  <button
                    type="button"
                    className="primary"
                    onClick={() =>
                      attempt(session.conn.restore(version.id).then(() => setSelected(undefined)))
                    }
                  >
                    Restore this version
                  </button>
                )}
              </Changes>
            )}
          </li>
        ))}
      </ul>
    </aside>
  );
}

interface ChangesProps {
  readonly session: DocumentSession;
  readonly version: number;
  readonly text: string;
  readonly children: React.ReactNode;
}

/** What has been added and removed since a version. */
function Changes({ session, version, text, children }: ChangesProps) {
  const [earlier, setEarlier] = useState<string>();
  const [failure, setFailure] = useState("");
  useEffect(() => {
    session.conn.versionText(version).then(setEarlier, (error: unknown) => setFailure(messageOf(error)));
  }, [session, version]);
  // Words of long texts take long to compare.
  const parts = useMemo(
    () => (earlier === undefined ? undefined : diffWordsWithSpace(earlier, text, { timeout: 200 })),
    [earlier, text],
  );
  if (failure !== "") return <p role="alert">{failure}</p>;
  if (earlier === undefined) return <p role="status">Loading the version</p>;
  return (
    <div className="changes">
      {earlier === text && <p className="soft">The text is the same now.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls is reachable by keyboard. */}
      <pre tabIndex={0}>
        {parts === undefined
          ? earlier
          : parts.map(({ value, added, removed }, at) => {
              const key = `${at}`;
              if (added) return <ins key={key}>{value}</ins>;
              return removed ? <del key={key}>{value}</del> : <span key={key}>{value}</span>;
            })}
      </pre>
      {children}
    </div>
  );
}
