import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { type SubmitEvent, useId, useState } from "react";
import type { SignInView } from "../../../contract/people.ts";
import { useSettingsChange } from "../queries.ts";

/** Who may join without an invitation. */
export function Domains({ view }: { readonly view: SignInView }) {
  const id = useId();
  const announce = useAnnounce();
  const [text, setText] = useState(view.domains.join(", "));
  const save = useSettingsChange<readonly string[]>((api, domains) =>
    api.administration.saveSignInDomains(domains),
  );
  const isGiven = view.domainsSource === "environment";
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (save.isPending || isGiven) return;
    const domains = text.split(/[\s,]+/).filter((each) => each !== "");
    save.mutate(domains, { onSuccess: () => announce("Saved. It is in force.") });
  };
  return (
    <section aria-labelledby={`${id}-heading`}>
      <h2 id={`${id}-heading`}>Join without an invitation</h2>
      <p className="muted">
        Whoever signs in with an account elsewhere whose verified address is in one of these domains becomes a
        member.
        {isGiven && " A variable of the server decides about this, before what is saved here."}
      </p>
      <form className="settings-form" onSubmit={submit} aria-label="Domains">
        <div className="field">
          <label htmlFor={id}>Domains</label>
          <input
            id={id}
            value={text}
            readOnly={isGiven}
            autoComplete="off"
            spellCheck={false}
            placeholder="Nobody"
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        {!isGiven && (
          <button type="submit" className="button" disabled={save.isPending}>
            Save domains
          </button>
        )}
        {save.isError && <ErrorNotice error={save.error} title="The domains were not saved." />}
      </form>
    </section>
  );
}
