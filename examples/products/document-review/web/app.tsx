/** The page: which screen the address names, and who is signed in. */
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import type { SessionInfo } from "../routes.ts";
import { messageOf, post } from "./actors.ts";
import { DocumentPage } from "./document.tsx";
import { Documents } from "./documents.tsx";
import { SignIn } from "./sign-in.tsx";

const pathOf = (hash: string) => hash.replace(/^#\/?/, "").split("/");

function App() {
  const [screen = "", first = "", second = ""] = pathOf(useSyncExternalStore(onHash, () => location.hash));
  const [info, setInfo] = useState<SessionInfo>();
  const [isUnreachable, setUnreachable] = useState(false);
  const reload = useCallback(async () => {
    try {
      const response = await fetch("/session");
      if (!response.ok) throw new Error(`/session answered ${response.status}`);
      setInfo((await response.json()) as SessionInfo);
      setUnreachable(false);
    } catch {
      setUnreachable(true);
    }
  }, []);
  useEffect(() => void reload(), [reload]);
  if (info === undefined && isUnreachable) return <Unreachable onRetry={() => void reload()} />;
  if (info === undefined) return <p role="status">Loading</p>;
  if (screen === "link") return <OpenLink token={first} />;
  const leave = async () => {
    await post("/session", undefined, "DELETE");
    location.hash = "";
    await reload();
  };
  return (
    <>
      <header className="bar">
        <a className="brand" href="#/">
          Document review
        </a>
        {info.user !== null && (
          <>
            <span>{info.user.name}</span>
            <button type="button" className="quiet" onClick={() => void leave()}>
              Sign out
            </button>
          </>
        )}
      </header>
      {screen === "d" ? (
        <DocumentPage key={second} ownerId={first} id={second} />
      ) : info.user === null ? (
        <SignIn info={info} onDone={() => void reload()} />
      ) : (
        <Documents userId={info.user.userId} />
      )}
    </>
  );
}

function Unreachable({ onRetry }: { onRetry: () => void }) {
  return (
    <main className="narrow">
      <h1>Document review</h1>
      <p role="alert">The server cannot be reached.</p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </main>
  );
}

/** Exchanges the token of a link for a cookie, and takes it out of the address. */
function OpenLink({ token }: { token: string }) {
  const [error, setError] = useState("");
  useEffect(() => {
    const open = async () => {
      const { ownerId, documentId } = await post<{ ownerId: string; documentId: string }>("/link", { token });
      location.replace(`#/d/${ownerId}/${documentId}`);
    };
    void open().catch((cause: unknown) => setError(messageOf(cause)));
  }, [token]);
  if (error === "") return <p role="status">Opening the document</p>;
  return (
    <main className="narrow">
      <h1>Document review</h1>
      <p role="alert">{error}</p>
    </main>
  );
}

function onHash(changed: () => void): () => void {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
