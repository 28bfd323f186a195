import { CopyButton, ErrorNotice } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { AddRepositoryInput } from "../../backend/repositories/contract.ts";
import { useApi } from "../shared/context.ts";

/** A repository over SSH: first a key and the fingerprint of the server, then the connection. */
export function SshConnect({
  url,
  isConnecting,
  onConnect,
}: {
  readonly url: string;
  readonly isConnecting: boolean;
  readonly onConnect: (input: AddRepositoryInput) => void;
}) {
  const ids = useId();
  const api = useApi();
  const [privateKey, setPrivateKey] = useState<string>();
  const [isConfirmed, setConfirmed] = useState(false);
  const begin = useMutation({
    mutationFn: () =>
      api.organization.beginSsh({
        url,
        ...(privateKey === undefined || privateKey.trim() === "" ? {} : { privateKey }),
      }),
  });
  const begun = begin.data;
  if (begun === undefined)
    return (
      <>
        <fieldset className="field connect-kinds">
          <legend>Key</legend>
          <label>
            <input
              type="radio"
              name={`${ids}-key`}
              checked={privateKey === undefined}
              onChange={() => setPrivateKey(undefined)}
            />
            Make a new one
          </label>
          <label>
            <input
              type="radio"
              name={`${ids}-key`}
              checked={privateKey !== undefined}
              onChange={() => setPrivateKey("")}
            />
            Paste one
          </label>
        </fieldset>
        {privateKey !== undefined && (
          <div className="field">
            <label htmlFor={`${ids}-private`}>Private key</label>
            <textarea
              id={`${ids}-private`}
              className="mono"
              rows={4}
              value={privateKey}
              spellCheck={false}
              autoComplete="off"
              placeholder="-----BEGIN OPENSSH PRIVATE KEY-----"
              onChange={({ target }) => setPrivateKey(target.value)}
            />
            <p className="field-help">Without a passphrase. It is kept in the vault, and no agent gets it.</p>
          </div>
        )}
        {begin.isError && <ErrorNotice error={begin.error} title="The server was not asked." />}
        <button
          type="button"
          className="button button-primary"
          disabled={begin.isPending}
          onClick={() => begin.mutate()}
        >
          {begin.isPending ? "Asking the server…" : "Continue"}
        </button>
      </>
    );
  return (
    <>
      <div className="field">
        <div className="ssh-key-head">
          <label htmlFor={`${ids}-public`}>Deploy key</label>
          <CopyButton text={begun.publicKey} label="Copy the deploy key" />
        </div>
        <textarea id={`${ids}-public`} className="mono" rows={4} readOnly value={begun.publicKey} />
        <p className="field-help">
          Add it at {begun.host}, with write access to push. The other half stays in the vault.
        </p>
      </div>
      <div className="field">
        <p>
          {begun.host} shows a key with this fingerprint:{" "}
          <code className="ssh-fingerprint">{begun.fingerprint}</code>
        </p>
        <label className="checkbox">
          <input
            type="checkbox"
            checked={isConfirmed}
            onChange={({ target: { checked } }) => setConfirmed(checked)}
          />
          The fingerprint is what the server’s operator says
        </label>
      </div>
      <button
        type="button"
        className="button button-primary"
        disabled={!isConfirmed || isConnecting}
        onClick={() => onConnect({ url, ssh: { id: begun.id, fingerprint: begun.fingerprint } })}
      >
        {isConnecting ? "Trying the connection…" : "Connect"}
      </button>
    </>
  );
}
