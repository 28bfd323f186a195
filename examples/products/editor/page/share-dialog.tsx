/** Who can open the document: links with rights, and members. */
import { useEffect, useRef, useState } from "react";
import type { Link, Member } from "../actors/members.ts";
import { limits } from "../limits.ts";
import type { User } from "../sessions.ts";
import { ask, messageOf } from "./api.ts";
import type { DocumentSession } from "./document-session.ts";

interface ShareProps {
  readonly id: string;
  readonly session: DocumentSession;
  readonly user: User;
  readonly members: readonly Member[];
  readonly leave: () => void;
  readonly close: () => void;
}

const roles = { owner: "owner", edit: "can edit", read: "can read" } as const;

export function ShareDialog({ id, session, user, members, leave, close }: ShareProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState("");
  const isOwner = members.some((member) => member.id === user.id && member.role === "owner");
  useEffect(() => dialog.current?.showModal(), []);
  const attempt = (work: Promise<unknown>) =>
    work.then(
      () => setFailure(""),
      (error: unknown) => setFailure(messageOf(error)),
    );
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="share-title">
      <h2 id="share-title">Share</h2>
      {isOwner ? (
        <Links {...{ id, session, attempt }} />
      ) : (
        <p>Only the owner can make links and remove people.</p>
      )}
      {failure !== "" && <p role="alert">{failure}</p>}
      <h3>People</h3>
      <ul className="rows">
        {members.map((member) => (
          <li key={member.id}>
            <span>
              {member.name} <small>{roles[member.role]}</small>
            </span>
            {member.role !== "owner" && (isOwner || member.id === user.id) && (
              <button type="button" onClick={() => void attempt(session.conn.removeMember(member.id))}>
                {member.id === user.id ? "Leave" : `Remove ${member.name}`}
              </button>
            )}
          </li>
        ))}
      </ul>
      <div className="buttons">
        {isOwner && (
          <button
            type="button"
            className="danger"
            onClick={() => {
              if (confirm("Delete this document for everybody?"))
                void attempt(session.conn.remove().then(leave));
            }}
          >
            Delete the document
          </button>
        )}
        <button type="button" className="primary" onClick={() => dialog.current?.close()}>
          Done
        </button>
      </div>
    </dialog>
  );
}

function Links(props: {
  id: string;
  session: DocumentSession;
  attempt: (work: Promise<unknown>) => unknown;
}) {
  const { id, session, attempt } = props;
  const [links, setLinks] = useState<readonly Link[]>([]);
  const [address, setAddress] = useState("");
  const [copied, setCopied] = useState(false);
  const load = () => session.conn.links().then(setLinks);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the links are loaded when the dialog opens.
  useEffect(() => void attempt(load()), []);
  const create = async (form: FormData) => {
    const role = form.get("role");
    const { token } = await ask("POST /api/links", { document: id, role });
    setAddress(`${location.origin}/d/${id}#share=${token}`);
    setCopied(false);
    await load();
  };
  const revoke = async (link: string) => {
    await session.conn.revokeLink(link);
    setAddress("");
    await load();
  };
  return (
    <>
      <form action={(form) => void attempt(create(form))} className="new">
        <label>
          Who has the link
          <select name="role">
            <option value="read">can read</option>
            <option value="edit">can edit</option>
          </select>
        </label>
        <button type="submit" className="primary">
          Make a link
        </button>
      </form>
      {address !== "" && (
        <p className="new">
          <input
            readOnly
            value={address}
            aria-label="Address of the link"
            onFocus={(event) => event.target.select()}
          />
          <button
            type="button"
            onClick={() => void attempt(navigator.clipboard.writeText(address).then(() => setCopied(true)))}
          >
            {copied ? "Copied" : "Copy"}
          </button>
        </p>
      )}
      <p className="soft">
        A link works for {limits.linkDays} days and makes whoever opens it a member. Revoking it keeps those
        who have joined.
      </p>
      <ul className="rows">
        {links.map((link) => (
          <li key={link.id}>
            <span>
              Link, {roles[link.role]} <small>since {new Date(link.createdAt).toLocaleString()}</small>
            </span>
            <button type="button" onClick={() => void attempt(revoke(link.id))}>
              Revoke
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
