import { CopyButton, clearSent, ErrorNotice } from "@holdfast/web-parts";
import { type FormEvent, useId, useState } from "react";
import { Section, type SectionProps, TestButton } from "./parts.tsx";
import { useNotificationChange } from "./queries.ts";

/** A webhook of the person's own, and one that Slack and others understand. */
export function Webhooks({ person, view }: SectionProps) {
  const setWebhook = useNotificationChange(person, (notifications, url: string | null) =>
    notifications.setWebhook(url),
  );
  const setSlack = useNotificationChange(person, (notifications, url: string | null) =>
    notifications.setSlack(url),
  );
  return (
    <>
      <Section title="Slack">
        <Target
          {...{ person, channel: "slack" as const, current: view.slack, change: setSlack }}
          label="Address of an incoming webhook"
          placeholder="https://hooks.slack.com/services/…"
          help="Mattermost, Rocket.Chat and Discord (its address with /slack) take the same. The address is kept in the vault and not shown again."
        />
      </Section>
      <Section title="Webhook">
        <Target
          {...{ person, channel: "webhook" as const, current: view.webhook, change: setWebhook }}
          label="Address"
          placeholder="https://example.org/holdfast"
          help="Gets each notification as JSON, signed in the header X-Hub-Signature-256."
        />
        {setWebhook.data?.secret != null && (
          <div className="notice">
            <p>The secret that signs it. Copy it now: it is not shown again.</p>
            <p className="command">
              <code>{setWebhook.data.secret}</code>
              <CopyButton text={setWebhook.data.secret} label="Copy the secret" />
            </p>
          </div>
        )}
      </Section>
    </>
  );
}

function Target({
  person,
  channel,
  current,
  change,
  label,
  placeholder,
  help,
}: {
  readonly person: string;
  readonly channel: "webhook" | "slack";
  readonly current: string | null;
  readonly change: {
    readonly mutate: (url: string | null, options?: { readonly onSuccess: () => void }) => void;
    readonly isPending: boolean;
    readonly error: unknown;
  };
  readonly label: string;
  readonly placeholder: string;
  readonly help: string;
}) {
  const id = useId();
  const [url, setUrl] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (url.trim() !== "" && !change.isPending)
      change.mutate(url.trim(), { onSuccess: () => setUrl(clearSent(url)) });
  };
  return (
    <>
      {current !== null && (
        <div className="row notification-row notification-target">
          <p className="row-main mono">{current}</p>
          <div className="notification-buttons">
            <TestButton person={person} channel={channel} label={current} />
            <button
              type="button"
              className="button button-small button-stop"
              aria-label={`Remove ${current}`}
              disabled={change.isPending}
              onClick={() => change.mutate(null)}
            >
              Remove
            </button>
          </div>
        </div>
      )}
      <form className="notification-form" onSubmit={submit}>
        <div className="field">
          <label htmlFor={id}>{current === null ? label : "Another address"}</label>
          <input
            id={id}
            className="mono"
            value={url}
            placeholder={placeholder}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            aria-describedby={`${id}-help`}
            onChange={(event) => setUrl(event.target.value)}
          />
          <p id={`${id}-help`} className="field-help">
            {help}
          </p>
        </div>
        <button type="submit" className="button" disabled={url.trim() === "" || change.isPending}>
          {current === null ? "Add" : "Replace"}
        </button>
        {change.error != null && <ErrorNotice error={change.error} title="The address was not saved." />}
      </form>
    </>
  );
}
