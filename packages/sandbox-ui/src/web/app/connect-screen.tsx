import { BrandMark, ErrorNotice, usePageTitle } from "@holdfast/web-parts";
import { type FormEvent, useState } from "react";
import { isSignedOut } from "../api/errors.ts";

/** Asks for the token if the address had none, or if the server refuses it. */
export function ConnectScreen({
  error,
  tried,
  taskPath,
  onToken,
  onRetry,
}: {
  readonly error: unknown;
  readonly tried: boolean;
  readonly taskPath: string | undefined;
  readonly onToken: (token: string) => void;
  readonly onRetry: () => void;
}) {
  usePageTitle("Connect");
  const [token, setToken] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") onToken(token.trim());
  };
  if (!isSignedOut(error) || taskPath !== undefined) {
    return (
      <main className="connect">
        <ErrorNotice error={error} onRetry={onRetry} />
        {taskPath !== undefined && <a href={taskPath}>Back to the task</a>}
      </main>
    );
  }
  return (
    <main className="connect">
      <BrandMark size={40} />
      <h1>Sandbox inspector</h1>
      <p className="muted">
        The server requires a token. It is printed when the server starts, unless it was set with --token.
      </p>
      <form onSubmit={submit} className="stack">
        <div className="field">
          <label htmlFor="token">Token</label>
          <input
            id="token"
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={token}
            aria-invalid={tried || undefined}
            aria-describedby={tried ? "token-refused" : undefined}
            onChange={(event) => setToken(event.target.value)}
          />
          {tried && (
            <p id="token-refused" className="field-error" role="alert">
              The server rejected this token.
            </p>
          )}
        </div>
        <button type="submit" className="button button-primary">
          Connect
        </button>
      </form>
      <p className="muted small">The token is stored for this tab only, and never in the address.</p>
    </main>
  );
}
