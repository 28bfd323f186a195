/** One document: its title, who is here, the text and its preview, sharing and history. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { limits } from "../limits.ts";
import { messageOf } from "./api.ts";
import { DocumentSession, type SessionState } from "./document-session.ts";
import { Editor } from "./editor.tsx";
import { HistoryPanel } from "./history-panel.tsx";
import { colourOf, Present } from "./people.tsx";
import { Preview } from "./preview.tsx";
import { ShareDialog } from "./share-dialog.tsx";

type Mode = "write" | "both" | "read";

export function DocumentPage({ id, leave }: { id: string; leave: () => void }) {
  const [session, setSession] = useState<DocumentSession>();
  useEffect(() => {
    const opened = new DocumentSession(id);
    setSession(opened);
    return () => void opened.dispose();
  }, [id]);
  return session === undefined ? null : <OpenDocument id={id} session={session} leave={leave} />;
}

function OpenDocument({ id, session, leave }: { id: string; session: DocumentSession; leave: () => void }) {
  const state = useSyncExternalStore(session.subscribe, () => session.state);
  const { info, user, status, error } = state;
  const [panel, setPanel] = useState<"share" | "history">();
  const [mode, setMode] = useState<Mode>(matchMedia("(min-width: 60rem)").matches ? "both" : "write");
  const text = useText(session);
  const role = info?.members.find((member) => member.id === user?.id)?.role;
  const others = useMemo(
    () => [...state.present].filter(([conn]) => conn !== session.conn.connId).map(([, each]) => each),
    [state.present, session],
  );
  const people = useMemo(() => {
    const all =
      user === undefined ? others.map((each) => each.user) : [user, ...others.map((each) => each.user)];
    return [...new Map(all.map((each) => [each.id, each])).values()];
  }, [others, user]);
  const carets = useMemo(() => {
    const members = info?.members ?? [];
    return others.map(({ user: { id, name }, ...at }) => ({ ...at, name, colour: colourOf(id, members) }));
  }, [others, info?.members]);
  if (info === undefined) {
    return (
      <main className="centre">
        {error === undefined ? (
          <p role="status">Opening the document</p>
        ) : (
          <Refusal error={error} leave={leave} />
        )}
      </main>
    );
  }
  const readOnly = role === "read" || role === undefined || status === "closed";
  return (
    <div className="document">
      <header>
        <button type="button" className="quiet" onClick={leave}>
          ← Documents
        </button>
        <Title key={info.title} title={info.title} readOnly={readOnly} session={session} />
        <Present people={people} members={info.members} />
        <fieldset className="modes">
          <legend className="hidden">View</legend>
          {(["write", "both", "read"] as const).map((each) => (
            <label key={each}>
              <input type="radio" name="mode" checked={mode === each} onChange={() => setMode(each)} />
              {{ write: "Write", both: "Both", read: "Read" }[each]}
            </label>
          ))}
        </fieldset>
        <button type="button" onClick={() => setPanel(panel === "history" ? undefined : "history")}>
          History
        </button>
        <button type="button" className="primary" onClick={() => setPanel("share")}>
          Share
        </button>
      </header>
      <Banner state={state} session={session} leave={leave} />
      <main data-mode={mode}>
        <h1 className="hidden">{info.title}</h1>
        <Editor session={session} readOnly={readOnly} carets={carets} />
        {mode !== "write" && <Preview text={text} />}
        {panel === "history" && (
          <HistoryPanel
            {...{ session, readOnly, text }}
            versions={info.versions}
            close={() => setPanel(undefined)}
          />
        )}
      </main>
      <footer>
        <Saved state={state} readOnly={readOnly} />
        <span>
          {text.length.toLocaleString("en")} of {limits.documentCharacters.toLocaleString("en")} characters
        </span>
      </footer>
      {panel === "share" && user !== undefined && (
        <ShareDialog
          {...{ id, session, user }}
          members={info.members}
          leave={leave}
          close={() => setPanel(undefined)}
        />
      )}
    </div>
  );
}

/** The text, as of the latest change of anybody. */
function useText(session: DocumentSession): string {
  const subscribe = useCallback(
    (listener: () => void) => {
      session.text.observe(listener);
      return () => session.text.unobserve(listener);
    },
    [session],
  );
  return useSyncExternalStore(subscribe, () => session.text.toString());
}

function Title(props: { title: string; readOnly: boolean; session: DocumentSession }) {
  const [error, setError] = useState("");
  const rename = (title: string) => {
    if (title.trim() === props.title) return;
    props.session.conn.rename(title).then(
      () => setError(""),
      (reason: unknown) => setError(messageOf(reason)),
    );
  };
  return (
    <form
      className="title"
      onSubmit={(event) => {
        event.preventDefault();
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      }}
    >
      <input
        aria-label="Title"
        aria-invalid={error !== ""}
        defaultValue={props.title}
        readOnly={props.readOnly}
        maxLength={limits.titleCharacters}
        onBlur={(event) => rename(event.target.value)}
      />
      {error !== "" && <p role="alert">{error}</p>}
    </form>
  );
}

interface BannerProps {
  readonly state: SessionState;
  readonly session: DocumentSession;
  readonly leave: () => void;
}

function Banner({ state, session, leave }: BannerProps) {
  if (state.status === "closed") {
    return (
      <div className="banner" role="alert">
        {state.error}. {state.isUnsaved && "Your latest changes are kept in this browser only."}
        {state.isUnsaved && (
          <button type="button" onClick={() => session.discard()}>
            Discard my changes
          </button>
        )}
        <button type="button" onClick={leave}>
          Back to the documents
        </button>
      </div>
    );
  }
  if (state.status !== "offline") return null;
  return (
    <div className="banner" role="alert">
      The connection is lost. You can go on: your changes are kept in this browser and merge when it is back.
    </div>
  );
}

function Saved({ state, readOnly }: { state: SessionState; readOnly: boolean }) {
  const word = () => {
    if (state.status === "offline") return state.isUnsaved ? "Offline, changes not sent" : "Offline";
    if (readOnly) return "You can read this document";
    return state.isUnsaved ? "Saving" : "Saved";
  };
  return <span role="status">{word()}</span>;
}

function Refusal({ error, leave }: { error: string; leave: () => void }) {
  return (
    <div className="card">
      <h1>This document cannot be opened</h1>
      <p role="alert">{error}. Ask its owner for a link.</p>
      <button type="button" className="primary" onClick={leave}>
        Back to the documents
      </button>
    </div>
  );
}
