/** Signing in, and new accounts. */
import { useState } from "react";
import { limits } from "../limits.ts";
import type { SessionInfo } from "../routes.ts";
import { messageOf, post } from "./actors.ts";

export function SignIn({ info, onDone }: { info: SessionInfo; onDone: () => void }) {
  const [isNew, setNew] = useState(false);
  const [error, setError] = useState("");
  const send = async (form: FormData) => {
    setError("");
    const code = form.get("code");
    const body = {
      name: form.get("name"),
      password: form.get("password"),
      ...(code === null ? {} : { code }),
    };
    await post(isNew ? "/accounts" : "/session", body).then(onDone, (cause: unknown) =>
      setError(messageOf(cause)),
    );
  };
  return (
    <main className="narrow">
      <h1>{isNew ? "New account" : "Sign in"}</h1>
      <p>Send a document to the people who must approve it. They need no account, only your link.</p>
      <form action={send} className="stack">
        <label>
          Name
          <input name="name" required maxLength={limits.maxNameLength} autoComplete="username" />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            required
            minLength={isNew ? limits.minPasswordLength : 1}
            maxLength={limits.maxPasswordLength}
            autoComplete={isNew ? "new-password" : "current-password"}
          />
        </label>
        {isNew && <small>At least {limits.minPasswordLength} characters.</small>}
        {isNew && info.needsCode && (
          <label>
            Invitation code
            <input name="code" required maxLength={200} />
          </label>
        )}
        {error !== "" && <p role="alert">{error}</p>}
        <button type="submit" className="primary">
          {isNew ? "Create the account" : "Sign in"}
        </button>
        <button type="button" className="quiet" onClick={() => setNew(!isNew)}>
          {isNew ? "I have an account" : "I need an account"}
        </button>
      </form>
    </main>
  );
}
