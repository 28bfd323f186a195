/** The page: sign-in, the lobby, and a room. */
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { limits } from "../limits.ts";
import type { User } from "../sessions.ts";
import { ask, messageOf } from "./api.ts";
import { LobbyPage } from "./lobby-page.tsx";
import { RoomPage } from "./room-page.tsx";

function App() {
  const [user, setUser] = useState<User | null>();
  const [path, go] = usePath();
  const [failure, setFailure] = useState("");
  useEffect(() => {
    ask("GET /api/session").then(
      (answer) => setUser(answer.user),
      (error: unknown) => setFailure(messageOf(error)),
    );
  }, []);
  if (failure !== "") {
    return (
      <main className="centre">
        <p role="alert">{failure}</p>
        <a href="/">Try again</a>
      </main>
    );
  }
  if (user === undefined) return <p role="status">Loading</p>;
  if (user === null) return <SignIn done={setUser} />;
  const room = /^\/r\/([\w-]+)$/.exec(path)?.[1];
  if (room !== undefined) return <RoomPage key={room} room={room} leave={() => go("/")} />;
  const signOut = () => void ask("DELETE /api/session").then(() => setUser(null));
  return <LobbyPage user={user} play={(id) => go(`/r/${id}`)} signOut={signOut} />;
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

function SignIn({ done }: { done: (user: User) => void }) {
  const [failure, setFailure] = useState("");
  const signIn = (form: FormData) =>
    ask("POST /api/session", { name: String(form.get("name")) }).then(
      (answer) => done(answer.user),
      (error: unknown) => setFailure(messageOf(error)),
    );
  return (
    <main className="centre">
      <form className="card" action={signIn}>
        <h1>Arena</h1>
        <p>A game for up to {limits.playersOfRoom} people in a room, in the browser.</p>
        <label>
          Your name, as others see it
          <input name="name" required maxLength={limits.nameCharacters} autoComplete="nickname" />
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
