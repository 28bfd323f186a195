/** The page of the agents: signing in, then the inbox. */
import { useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import type { SessionInfo } from "../http/routes.ts";
import { ask, wordsOf } from "./client.ts";
import { Inbox } from "./inbox.tsx";
import { SignIn } from "./sign-in.tsx";

function App() {
  const [info, setInfo] = useState<SessionInfo>();
  const [error, setError] = useState<string>();
  const load = useCallback(() => {
    setError(undefined);
    ask<SessionInfo>("GET", "/session").then(setInfo, (reason: unknown) => setError(wordsOf(reason)));
  }, []);
  useEffect(load, [load]);
  const signOut = useCallback(() => void ask("DELETE", "/session").finally(load), [load]);
  if (error !== undefined)
    return (
      <main className="centered">
        <h1>Support inbox</h1>
        <p role="alert">{error}</p>
        <button type="button" className="primary" onClick={load}>
          Try again
        </button>
      </main>
    );
  if (info === undefined) return <main className="centered" aria-busy="true" />;
  if (info.agent === null) return <SignIn isNew={info.isNew} onDone={load} />;
  return <Inbox agent={info.agent} team={info.team} model={info.model} onSignOut={signOut} />;
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
