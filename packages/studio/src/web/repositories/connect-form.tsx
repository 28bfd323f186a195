import { ErrorNotice } from "@holdfast/web-parts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import type { AddRepositoryInput } from "../../backend/repositories/contract.ts";
import { type AddressKind, addressProblem, readAddress } from "../../forges/repository-address.ts";
import { readSshAddress } from "../../forges/ssh-address.ts";
import { useApi } from "../shared/context.ts";
import { mergeRepository } from "../shared/new-task/repositories.ts";
import { SshConnect } from "./ssh-connect.tsx";
import { kindNames } from "./state.tsx";

const kinds: readonly AddressKind[] = ["github", "gitlab", "gitea", "git"];

/** What a token is for, by the kind of server. */
const tokenHelp: Readonly<Record<AddressKind, string>> = {
  github:
    "A fine-grained token for this repository: Contents and Pull requests, read and write; Webhooks, to have the webhook set up.",
  gitlab: "A token of the project with the scopes api and write_repository, and the role Maintainer.",
  gitea: "A token with write:repository, write:issue and read:user.",
  git: "The token or password for HTTPS. Leave it out for a repository that everyone can read.",
};

/** Connects a repository: an address, and a token that goes to the vault. */
export function ConnectForm() {
  const ids = useId();
  const api = useApi();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const address = useRef<HTMLInputElement>(null);
  const [url, setUrl] = useState("");
  const [token, setToken] = useState("");
  const [chosen, setChosen] = useState<AddressKind>();
  const [app, setApp] = useState<{ appId: string; installation: string; privateKey: string }>();
  const [tried, setTried] = useState(false);
  const connect = useMutation({
    mutationFn: (input: AddRepositoryInput) => api.organization.addRepository(input),
    onSuccess(added) {
      mergeRepository(queries, added);
      void navigate({ to: "/repositories/$repositoryId", params: { repositoryId: added.id } });
    },
  });
  useEffect(() => address.current?.focus(), []);
  const isFolder = url.trim().startsWith("/");
  const isSsh = readSshAddress(url) !== undefined;
  const problem = isFolder ? undefined : addressProblem(url);
  const kind = chosen ?? (problem === undefined && !isFolder ? readAddress(url).guess : "git");
  const needsToken = kind !== "git" && app === undefined && token.trim() === "" && chosen !== undefined;
  const choose = (each: AddressKind) => {
    setChosen(each);
    if (each !== "github") setApp(undefined);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (problem !== undefined) return address.current?.focus();
    if (needsToken || connect.isPending || isSsh) return;
    if (isFolder) return connect.mutate({ path: url.trim() });
    connect.mutate({
      url: url.trim(),
      ...(chosen === undefined ? {} : { kind: chosen }),
      ...(token.trim() === "" || app !== undefined ? {} : { token: token.trim() }),
      ...(app === undefined ? {} : { kind: "github", app: appOf(app) }),
    });
  };
  return (
    <form className="connect-form" onSubmit={submit} noValidate aria-labelledby={`${ids}-heading`}>
      <h2 id={`${ids}-heading`}>Connect a repository</h2>
      <div className="field">
        <label htmlFor={`${ids}-url`}>Address</label>
        <input
          ref={address}
          id={`${ids}-url`}
          className="mono"
          value={url}
          placeholder="https://github.com/owner/name"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          aria-invalid={tried && problem !== undefined}
          aria-describedby={`${ids}-url-help`}
          onChange={(event) => {
            setUrl(event.target.value);
            connect.reset();
          }}
        />
        <p id={`${ids}-url-help`} className={tried && problem !== undefined ? "field-problem" : "field-help"}>
          {(tried && problem) ||
            "The address of its page, the path of a folder of this machine, or git@server:path for SSH."}
        </p>
      </div>
      {isSsh && (
        <SshConnect
          key={url.trim()}
          url={url.trim()}
          isConnecting={connect.isPending}
          onConnect={(input) => connect.mutate(input)}
        />
      )}
      {!isFolder && !isSsh && (
        <>
          <KindField kind={kind} onChange={choose} />
          {app === undefined ? (
            <TokenField
              {...{ ids, kind, token }}
              isMissing={tried && needsToken}
              onChange={setToken}
              onApp={() => setApp({ appId: "", installation: "", privateKey: "" })}
            />
          ) : (
            <AppFields ids={ids} app={app} onChange={setApp} />
          )}
        </>
      )}
      {connect.isError && <ErrorNotice error={connect.error} title="The repository was not connected." />}
      {!isSsh && (
        <button type="submit" className="button button-primary" disabled={connect.isPending}>
          {connect.isPending ? "Trying the connection…" : "Connect"}
        </button>
      )}
    </form>
  );
}

function appOf({ appId, installation, privateKey }: AppValues) {
  return { appId: appId.trim(), installationId: Number(installation), privateKey };
}

function KindField({
  kind,
  onChange,
}: {
  readonly kind: AddressKind;
  readonly onChange: (kind: AddressKind) => void;
}) {
  const name = useId();
  return (
    <fieldset className="field connect-kinds">
      <legend>Server</legend>
      {kinds.map((each) => (
        <label key={each}>
          <input type="radio" name={name} checked={kind === each} onChange={() => onChange(each)} />
          {kindNames[each]}
        </label>
      ))}
    </fieldset>
  );
}

function TokenField({
  ids,
  kind,
  token,
  isMissing,
  onChange,
  onApp,
}: {
  readonly ids: string;
  readonly kind: AddressKind;
  readonly token: string;
  readonly isMissing: boolean;
  readonly onChange: (token: string) => void;
  readonly onApp: () => void;
}) {
  return (
    <div className="field">
      <div className="field-head">
        <label htmlFor={`${ids}-token`}>Token</label>
        {kind === "github" && (
          <button type="button" className="link-button" onClick={onApp}>
            Use a GitHub App
          </button>
        )}
      </div>
      <input
        id={`${ids}-token`}
        type="password"
        value={token}
        autoComplete="off"
        aria-invalid={isMissing}
        aria-describedby={`${ids}-token-help`}
        onChange={(event) => onChange(event.target.value)}
      />
      <p id={`${ids}-token-help`} className={isMissing ? "field-problem" : "field-help"}>
        {isMissing
          ? "Pull requests need a token. Choose “Git server” to connect without one."
          : `${tokenHelp[kind]} It is kept in the vault, and no agent gets it.`}
      </p>
    </div>
  );
}

interface AppValues {
  readonly appId: string;
  readonly installation: string;
  readonly privateKey: string;
}

/** An App of GitHub instead of a token. */
function AppFields({
  ids,
  app,
  onChange,
}: {
  readonly ids: string;
  readonly app: AppValues;
  readonly onChange: (app: AppValues | undefined) => void;
}) {
  return (
    <>
      <div className="field">
        <div className="field-head">
          <label htmlFor={`${ids}-app`}>Id of the App</label>
          <button type="button" className="link-button" onClick={() => onChange(undefined)}>
            Use a token
          </button>
        </div>
        <input
          id={`${ids}-app`}
          value={app.appId}
          inputMode="numeric"
          autoComplete="off"
          onChange={(event) => onChange({ ...app, appId: event.target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={`${ids}-installation`}>Number of its installation</label>
        <input
          id={`${ids}-installation`}
          value={app.installation}
          inputMode="numeric"
          autoComplete="off"
          onChange={(event) => onChange({ ...app, installation: event.target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={`${ids}-key`}>Private key</label>
        <textarea
          id={`${ids}-key`}
          className="mono"
          rows={4}
          value={app.privateKey}
          spellCheck={false}
          autoComplete="off"
          placeholder="-----BEGIN RSA PRIVATE KEY-----"
          onChange={(event) => onChange({ ...app, privateKey: event.target.value })}
        />
      </div>
    </>
  );
}
