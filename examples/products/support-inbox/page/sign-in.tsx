/** Signing in, or joining the team. */
import { useState } from "react";
import { limits } from "../limits.ts";
import { ask, wordsOf } from "./client.ts";

interface SignInProps {
  /** Nobody has joined yet. */
  readonly isNew: boolean;
  readonly onDone: () => void;
}

export function SignIn({ isNew, onDone }: SignInProps) {
  const [joins, setJoins] = useState(isNew);
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (form: FormData) => {
    const [name, password, code] = ["name", "password", "code"].map((field) => String(form.get(field) ?? ""));
    setIsBusy(true);
    setError(undefined);
    try {
      await ask("POST", joins ? "/agents" : "/session", { name, password, ...(code === "" ? {} : { code }) });
      onDone();
    } catch (reason) {
      setError(wordsOf(reason));
      setIsBusy(false);
    }
  };
  return (
    <main className="centered">
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        <h1>Support inbox</h1>
        <p className="soft">
          {isNew ? "Nobody has joined yet: the first account is yours." : "For the agents of the team."}
        </p>
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
            autoComplete={joins ? "new-password" : "current-password"}
          />
          {joins && <small>At least {limits.minPasswordLength} characters</small>}
        </label>
        {joins && !isNew && (
          <label>
            Code of the team
            <input name="code" required autoComplete="off" />
          </label>
        )}
        {error !== undefined && <p role="alert">{error}</p>}
        <button className="primary" type="submit" disabled={isBusy}>
          {joins ? "Join" : "Sign in"}
        </button>
        {!isNew && (
          <button type="button" className="link" onClick={() => setJoins(!joins)}>
            {joins ? "I have an account" : "Join the team"}
          </button>
        )}
      </form>
    </main>
  );
}
