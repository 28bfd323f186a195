/** Signing in, or making an account. */
import { useState } from "react";
import { limits } from "../limits.ts";
import type { Session } from "../sign-in/sessions.ts";
import { session, wordsOf } from "./client.ts";

interface SignInProps {
  readonly needsCode: boolean;
  readonly onDone: (user: Session) => void;
}

export function SignIn({ needsCode, onDone }: SignInProps) {
  const [isNew, setIsNew] = useState(false);
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (form: FormData) => {
    const name = String(form.get("name"));
    const password = String(form.get("password"));
    const code = String(form.get("code") ?? "");
    setIsBusy(true);
    setError(undefined);
    try {
      const { user } = await (isNew
        ? session.signUp({ name, password, ...(needsCode ? { code } : {}) })
        : session.signIn({ name, password }));
      onDone(user);
    } catch (reason) {
      setError(wordsOf(reason));
      setIsBusy(false);
    }
  };
  return (
    <main className="centered">
      <form
        className="card sign-in"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        <h1>Assistant</h1>
        <p className="soft">It remembers what you tell it, and asks before it acts.</p>
        <label>
          Name
          <input name="name" required maxLength={limits.nameLength} autoComplete="username" />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            required
            minLength={limits.minPasswordLength}
            maxLength={limits.maxPasswordLength}
            autoComplete={isNew ? "new-password" : "current-password"}
          />
          {isNew && <small>At least {limits.minPasswordLength} characters</small>}
        </label>
        {isNew && needsCode && (
          <label>
            Invitation code
            <input name="code" required autoComplete="off" />
          </label>
        )}
        {error !== undefined && <p role="alert">{error}</p>}
        <button className="primary" type="submit" disabled={isBusy}>
          {isNew ? "Create account" : "Sign in"}
        </button>
        <button type="button" className="link" onClick={() => setIsNew(!isNew)}>
          {isNew ? "I have an account" : "Create an account"}
        </button>
      </form>
    </main>
  );
}
