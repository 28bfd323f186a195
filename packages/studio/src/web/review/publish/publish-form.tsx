import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import type { PublishChoices, PublishInput, PublishProposal } from "../../../contract.ts";
import { NamesField, namesOf } from "../../shared/names/names-field.tsx";

/** What a pull request is opened with, as it is proposed. The title takes the focus. */
export function PublishForm({
  proposal,
  choices,
  target,
  busy,
  onPublish,
  onCancel,
}: {
  readonly proposal: PublishProposal;
  /** Undefined until they are read, and where the forge does not tell. */
  readonly choices: PublishChoices | undefined;
  readonly target: string;
  /** True while the agent works. */
  readonly busy: boolean;
  readonly onPublish: (input: PublishInput) => void;
  readonly onCancel: () => void;
}) {
  const id = useId();
  const first = useRef<HTMLInputElement>(null);
  const [fields, setFields] = useState({
    ...proposal,
    reviewers: "",
    assignees: "",
    labels: "",
    draft: false,
  });
  useEffect(() => first.current?.focus(), []);
  const change = (next: Partial<typeof fields>) => setFields((known) => ({ ...known, ...next }));
  const ready = !busy && [fields.title, fields.baseBranch, fields.branch].every((text) => text.trim() !== "");
  const submit = (event: { preventDefault(): void }) => {
    event.preventDefault();
    if (!ready) return;
    const { title, body, draft } = fields;
    const [reviewers, assignees] = [namesOf(fields.reviewers), namesOf(fields.assignees)];
    const labels = namesOf(fields.labels);
    const branches = { baseBranch: fields.baseBranch.trim(), branch: fields.branch.trim() };
    onPublish({
      ...{ title, body, draft, ...branches },
      ...(reviewers.length === 0 ? {} : { reviewers }),
      ...(assignees.length === 0 ? {} : { assignees }),
      ...(labels.length === 0 ? {} : { labels }),
    });
  };
  const plain = { autoComplete: "off", autoCapitalize: "off", spellCheck: false } as const;
  return (
    <form
      className="publish-form"
      aria-label="Publish as a pull request"
      onSubmit={(event: FormEvent) => submit(event)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(event);
      }}
    >
      <div className="field">
        <label htmlFor={`${id}-title`}>Title</label>
        <input
          ref={first}
          id={`${id}-title`}
          maxLength={250}
          value={fields.title}
          onChange={({ target: { value } }) => change({ title: value })}
        />
      </div>
      <TemplateField proposal={proposal} onChoose={(body) => change({ body })} />
      <div className="field">
        <label htmlFor={`${id}-body`}>Description</label>
        <textarea
          id={`${id}-body`}
          rows={5}
          maxLength={32_768}
          value={fields.body}
          onChange={({ target: { value } }) => change({ body: value })}
        />
      </div>
      <div className="publish-branches">
        <div className="field">
          <label htmlFor={`${id}-base`}>Merge into</label>
          <input
            id={`${id}-base`}
            className="mono"
            {...plain}
            value={fields.baseBranch}
            onChange={({ target: { value } }) => change({ baseBranch: value })}
          />
        </div>
        <div className="field">
          <label htmlFor={`${id}-branch`}>From branch</label>
          <input
            id={`${id}-branch`}
            className="mono"
            {...plain}
            value={fields.branch}
            onChange={({ target: { value } }) => change({ branch: value })}
          />
        </div>
      </div>
      <div className="publish-names">
        <NamesField
          label="Reviewers"
          value={fields.reviewers}
          choices={choices?.people ?? []}
          onChange={(reviewers) => change({ reviewers })}
        />
        <NamesField
          label="Assignees"
          value={fields.assignees}
          choices={choices?.people ?? []}
          onChange={(assignees) => change({ assignees })}
        />
        <NamesField
          label="Labels"
          value={fields.labels}
          choices={choices?.labels ?? []}
          onChange={(labels) => change({ labels })}
        />
      </div>
      <label className="publish-draft">
        <input
          type="checkbox"
          checked={fields.draft}
          onChange={({ target: { checked } }) => change({ draft: checked })}
        />
        Open as a draft
      </label>
      <div className="publish-actions">
        <button type="submit" className="button button-primary" disabled={!ready}>
          Push and open pull request
        </button>
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
      <p className="field-help">
        {busy
          ? "Available when the agent has finished."
          : `The server pushes to ${target}. The agent never has the credential.`}
      </p>
    </form>
  );
}

/** Templates of the repository, where it has several. */
function TemplateField({
  proposal: { templates, body },
  onChoose,
}: {
  readonly proposal: PublishProposal;
  readonly onChoose: (body: string) => void;
}) {
  const id = useId();
  if (templates === undefined) return null;
  return (
    <div className="field">
      <label htmlFor={id}>Template</label>
      <select
        id={id}
        defaultValue=""
        onChange={({ target: { value } }) =>
          onChoose(templates.find(({ name }) => name === value)?.body ?? body)
        }
      >
        <option value="">As proposed</option>
        {templates.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
