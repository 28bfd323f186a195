import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  CheckIcon,
  ConfirmButton,
  CrossIcon,
  clearSent,
  ErrorNotice,
  RefreshIcon,
  useAnnounce,
} from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";
import type { SignInProviderId, SignInProviderInput, SignInProviderView } from "../../../contract/people.ts";
import { Command } from "../../shared/command.tsx";
import { useApi } from "../../shared/context.ts";
import { useSettingsChange } from "../queries.ts";

const titles: Readonly<Record<SignInProviderId, string>> = { github: "GitHub", oidc: "OpenID Connect" };

const hints: Readonly<Record<SignInProviderId, string>> = {
  github: "Register an OAuth App at GitHub, with this address as its callback URL:",
  oidc: "Register a client at the server of your organization, with this address to come back to:",
};

const states: Readonly<Record<SignInProviderView["source"], string>> = {
  environment: "Set up by variables of the server, which decide before what is saved here.",
  settings: "People sign in with it.",
  none: "Not set up.",
};

/** One provider: its form, or what the environment says, and whether it works. */
export function ProviderSection({ provider }: { readonly provider: SignInProviderView }) {
  const { id, source, hasSecret, redirectUrl } = provider;
  const heading = useId();
  return (
    <section className="sign-in-provider" aria-labelledby={heading} data-provider={id}>
      <h2 id={heading}>{titles[id]}</h2>
      <p className="muted" data-source={source}>
        {states[source]}
        {source !== "none" && !hasSecret && " The secret of its client is missing."}
      </p>
      <p className="muted">{hints[id]}</p>
      <Command text={redirectUrl} />
      {source === "environment" ? <Given provider={provider} /> : <ProviderForm provider={provider} />}
      {source !== "none" && <Check id={id} />}
    </section>
  );
}

function Given({ provider }: { readonly provider: SignInProviderView }) {
  const { clientId, issuer, url } = provider;
  return (
    <dl className="sign-in-given">
      <dt>Client</dt>
      <dd>{visibleText(clientId ?? "")}</dd>
      <dt>Server</dt>
      <dd>{visibleText(issuer ?? url ?? "https://github.com")}</dd>
    </dl>
  );
}

function ProviderForm({ provider }: { readonly provider: SignInProviderView }) {
  const { id, source, hasSecret } = provider;
  const field = useId();
  const announce = useAnnounce();
  const [clientId, setClientId] = useState(provider.clientId ?? "");
  const [secret, setSecret] = useState("");
  const [server, setServer] = useState(provider.issuer ?? provider.url ?? "");
  const [name, setName] = useState(provider.name === titles[id] ? "" : provider.name);
  const save = useSettingsChange<SignInProviderInput>((api, input) =>
    api.administration.saveSignInProvider(input),
  );
  const remove = useSettingsChange<SignInProviderId>((api, of) =>
    api.administration.removeSignInProvider(of),
  );
  // A secret is sent only to the server that it was entered for.
  const keepsSecret =
    hasSecret && source === "settings" && server.trim() === (provider.issuer ?? provider.url ?? "");
  const isComplete =
    clientId.trim() !== "" && (id === "github" || server.trim() !== "") && (keepsSecret || secret !== "");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (save.isPending || !isComplete) return;
    const place = server.trim() === "" ? {} : { [id === "oidc" ? "issuer" : "url"]: server.trim() };
    const input = {
      ...{ id, clientId: clientId.trim(), ...place },
      ...(secret === "" ? {} : { clientSecret: secret }),
      ...(id === "oidc" && name.trim() !== "" ? { name: name.trim() } : {}),
    };
    save.mutate(input, {
      onSuccess() {
        announce("Saved. It is in force.");
        setSecret(clearSent(secret));
      },
    });
  };
  const idOf = (label: string) => `${field}-${label.replaceAll(" ", "-")}`;
  const input = (label: string, value: string, change: (text: string) => void, more: object = {}) => (
    <div className="field">
      <label htmlFor={idOf(label)}>{label}</label>
      <input
        id={idOf(label)}
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => change(event.target.value)}
        {...more}
      />
    </div>
  );
  return (
    <>
      <form id={field} className="settings-form" onSubmit={submit} aria-label={titles[id]}>
        {input("Client ID", clientId, setClientId)}
        {input("Client secret", secret, setSecret, {
          type: "password",
          autoComplete: "new-password",
          placeholder: keepsSecret ? "Stays as it is" : "",
        })}
        {id === "oidc"
          ? input("Issuer", server, setServer, { placeholder: "https://login.example.org" })
          : input("GitHub Enterprise Server", server, setServer, { placeholder: "https://github.com" })}
        {id === "oidc" && input("Name on the button", name, setName, { placeholder: "Example Org" })}
      </form>
      {/* Outside of the form: a dialog in it would have a form in a form, which browsers do not submit. */}
      <div className="secret-actions">
        <button
          type="submit"
          form={field}
          className="button button-primary"
          disabled={save.isPending || !isComplete}
        >
          {save.isPending ? "Saving…" : "Save"}
        </button>
        {source === "settings" && (
          <ConfirmButton
            className="button button-stop"
            label="Remove"
            accessibleLabel={`Remove ${titles[id]}`}
            title={`Remove the sign-in with ${titles[id]}?`}
            confirmLabel="Remove"
            onConfirm={() => remove.mutateAsync(id)}
          >
            <p>
              Nobody signs in with it any more, and its secret is deleted. Accounts stay, with their other
              ways to sign in.
            </p>
          </ConfirmButton>
        )}
      </div>
      {save.isError && <ErrorNotice error={save.error} title="It was not saved." />}
    </>
  );
}

function Check({ id }: { readonly id: SignInProviderId }) {
  const api = useApi();
  const check = useMutation({ mutationFn: () => api.administration.checkConnection(`sign-in/${id}`) });
  const { data } = check;
  return (
    <div className="sign-in-check">
      <button
        type="button"
        className="button button-small"
        aria-label={`${check.isPending ? "Checking…" : "Check now"}: ${titles[id]}`}
        disabled={check.isPending}
        onClick={() => check.mutate()}
      >
        <RefreshIcon />
        {check.isPending ? "Checking…" : "Check now"}
      </button>
      <div aria-live="polite">
        {data !== undefined && (
          <p className={data.isWorking ? "connection-ok" : "connection-failed"} data-outcome={data.isWorking}>
            {data.isWorking ? <CheckIcon /> : <CrossIcon />}
            {data.isWorking ? "Works" : "Does not work"}: {visibleText(data.detail)}
          </p>
        )}
      </div>
      {check.isError && <ErrorNotice error={check.error} title="It was not checked." />}
    </div>
  );
}
