/** The form in front of everything. */
import { useState } from "react";

export function SignIn({ onDone }: { onDone: () => void }) {
  const [error, setError] = useState("");
  const signIn = async (form: FormData) => {
    const body = new URLSearchParams({ password: String(form.get("password")) });
    const response = await fetch("/session", { method: "POST", body }).catch(() => undefined);
    if (response?.ok) onDone();
    else setError(response === undefined ? "The bot does not answer." : await response.text());
  };
  return (
    <main className="sign-in">
      <h1>Pull request bot</h1>
      <p>It works on issues of your repositories, and opens pull requests for you to review.</p>
      <form action={signIn}>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required maxLength={200} />
        </label>
        {error !== "" && <p role="alert">{error}</p>}
        <button type="submit" className="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}
