/** The page: sign-in, the list of documents, and one document at a time. */
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { limits } from "../limits.ts";
import type { User } from "../sessions.ts";
import { ask, messageOf } from "./api.ts";
import { DocumentPage } from "./document-page.tsx";
import { DocumentsPage } from "./documents-page.tsx";

function App() {
  const [user, setUser] = useState<User | null>();
  const [path, go] = usePath();
  const [failure, setFailure] = useState("");
  const [token, setToken] = useState(takeShareToken);
  useEffect(() => {
    ask("GET /api/session").then(
      (answer) => setUser(answer.user),
      (error: unknown) => setFailure(messageOf(error)),
    );
  }, []);
  useEffect(() => {
    // A link that is opened in a tab with its document changes the fragment alone.
    const follow = () => setToken(takeShareToken);
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  useEffect(() => {
    if (token === undefined || !user) return;
    ask("POST /api/join", { token })
      .catch((error: unknown) => setFailure(messageOf(error)))
      .finally(() => setToken(undefined));
  }, [token, user]);
  if (failure !== "") {
    return (
      <main className="centre">
        <div className="card">
          <p role="alert">{failure}</p>
          <a href="/">To the documents</a>
        </div>
      </main>
    );
  }
  if (user === undefined) return <p role="status">Loading</p>;
  if (user === null) return <SignIn isInvited={token !== undefined} done={setUser} />;
  if (token !== undefined) return <p role="status">Opening the link</p>;
  const document = /^\/d\/([\w-]+)$/.exec(path)?.[1];
  if (document !== undefined) return <DocumentPage key={document} id={document} leave={() => go("/")} />;
  const signOut = () => void ask("DELETE /api/session").then(() => setUser(null));
  return <DocumentsPage user={user} open={(id) => go(`/d/${id}`)} signOut={signOut} />;
}

/** The token of a share link leaves the address at once, so that it is in no history and no bookmark. */
function takeShareToken(): string | undefined {
  const token = /^#share=([\w.-]+)$/.exec(location.hash)?.[1];
  if (token !== undefined) history.replaceState(null, "", location.pathname);
  return token;
}

function usePath(): [path: string, go: (path: string) => void] {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const follow = () => setPath(location.pathname);
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const go = (next: string) => {
    history.pushState(null, "", next);
    setPath(next);
  };
  return [path, go];
}

function SignIn({ isInvited, done }: { isInvited: boolean; done: (user: User) => void }) {
  const [failure, setFailure] = useState("");
  const signIn = (form: FormData) =>
    ask("POST /api/session", { name: String(form.get("name")) }).then(
      (answer) => done(answer.user),
      (error: unknown) => setFailure(messageOf(error)),
    );
  return (
    <main className="centre">
      <form className="card" action={signIn}>
        <h1>Write together</h1>
        <p>
          {isInvited ? "Somebody shares a document with you." : "Documents that several people edit at once."}
        </p>
        <label>
          Your name, as others see it
          <input name="name" required maxLength={limits.nameCharacters} autoComplete="name" />
        </label>
        {failure !== "" && <p role="alert">{failure}</p>}
        <button type="submit" className="primary">
          Continue
        </button>
      </form>
    </main>
  );
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
