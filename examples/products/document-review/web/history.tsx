/** Versions, comments and the audit trail of a document. */
import { limits } from "../limits.ts";
import type { AuditEntry, Comment, Version } from "../review.ts";
import { Time } from "./parts.tsx";
import { download } from "./upload.ts";

export function Versions(props: { versions: readonly Version[]; ownerId: string; id: string }) {
  const { versions, ownerId, id } = props;
  return (
    <section className="card" aria-labelledby="versions">
      <h2 id="versions">Versions</h2>
      {versions.length === 0 && <p className="hint">No file yet.</p>}
      <ul className="plain">
        {versions.toReversed().map(({ number, name, size, uploadedAt }) => (
          <li key={number}>
            <button type="button" onClick={() => void download(ownerId, id, number, name)}>
              Version {number}: {name}
            </button>
            <small>
              {Math.ceil(size / 1024)} KB, <Time at={uploadedAt} />
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Comments(props: {
  comments: readonly Comment[];
  onComment: (text: string) => Promise<boolean>;
}) {
  const send = async (form: FormData) => {
    await props.onComment(String(form.get("text")));
  };
  return (
    <section className="card" aria-labelledby="comments">
      <h2 id="comments">Comments</h2>
      {props.comments.map(({ at, by, version, text }) => (
        <article key={`${at} ${by}`} className="comment">
          <strong>{by}</strong>{" "}
          <small>
            <Time at={at} />, about version {version}
          </small>
          <p>{text}</p>
        </article>
      ))}
      <form action={send} className="stack">
        <label>
          New comment
          <textarea name="text" rows={2} required maxLength={limits.maxCommentLength} />
        </label>
        <div className="actions">
          <button type="submit">Comment</button>
        </div>
      </form>
    </section>
  );
}

export function Audit({ entries, isIntact }: { entries: readonly AuditEntry[]; isIntact: boolean }) {
  return (
    <section className="card" aria-labelledby="audit">
      <h2 id="audit">Audit trail</h2>
      <p className="hint">
        {isIntact
          ? "Each entry has the hash of the one before. The chain is intact."
          : "The chain of hashes is broken: an entry was changed."}
      </p>
      <ol className="audit">
        {entries.toReversed().map(({ at, by, text, hash }) => (
          <li key={hash}>
            <Time at={at} />
            <span>
              <strong>{by}</strong> {text}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
