/** The page: signing in, then the conversations of the person beside the one that is open. */
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import type { SessionInfo } from "../sign-in/routes.ts";
import { session, wordsOf } from "./client.ts";
import { Home } from "./home.tsx";
import { SignIn } from "./sign-in.tsx";

function App() {
  const [info, setInfo] = useState<SessionInfo>();
  const [error, setError] = useState<string>();
  const load = () => {
    setError(undefined);
    session.load().then(setInfo, (reason: unknown) => setError(wordsOf(reason)));
  };
  useEffect(load, []);
  if (error !== undefined)
    return (
      <main className="centered">
        <h1>Assistant</h1>
        <p role="alert">{error}</p>
        <button type="button" className="primary" onClick={load}>
          Try again
        </button>
      </main>
    );
  if (info === undefined) return <main className="centered" aria-busy="true" />;
  if (info.user === null)
    return <SignIn needsCode={info.needsCode} onDone={(user) => setInfo({ ...info, user })} />;
  return <Home user={info.user} model={info.model} onSignedOut={() => setInfo({ ...info, user: null })} />;
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
